import { createPrivateKey } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { z } from 'zod'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { ALPN } from '../../shared/protocols.ts'
import type { Log } from '../log/log.ts'
import { checkHostCertificate } from '../ssh/check-certificate.ts'
import { openSshClient } from '../ssh/open-ssh-client.ts'
import { keySigner } from '../ssh/signer.ts'
import type { SshChannel } from '../ssh/ssh-channel.ts'
import { sshString } from '../wire/ssh-bytes.ts'
import { decodeSshCertificate } from '../wire/ssh-certificate.ts'
import { parseSshKey } from '../wire/ssh-keys.ts'
import type { HostCa, LoginFiles } from './client.ts'
import { dialTls } from './dial-tls.ts'

export interface ListClusters {
  readonly proxy: Address
  readonly rootCluster: string
  readonly login: LoginFiles
  readonly hostCas: readonly HostCa[]
  readonly log: Log
  readonly signal?: AbortSignal | undefined
  readonly now?: () => number
}

export interface ListedCluster {
  readonly name: string
  readonly online: boolean
}

const DIAL_MS = 15_000
const ANSWER_LIMIT = 1024 * 1024
const Sites = z.array(z.object({ name: z.string(), status: z.string() }))

/**
 * The root cluster and its leaves, root first: the proxy's SSH subsystem `proxysites`. wire/ssh-kube-app.md 1.1
 * @throws PorticoError `proxy/*`, `ssh/*`, `login/expired`, `app/cancelled`
 */
export async function listClusters(ask: ListClusters): Promise<readonly ListedCluster[]> {
  const { proxy, rootCluster, login, log, signal, now = Date.now } = ask
  const where = formatAddress(proxy)
  const root = ask.hostCas.find(ca => ca.cluster === rootCluster)
  // The proxy shows its host certificate here: the cluster's authority alone is trusted, never the system's roots.
  const context = createSecureContext({ ca: [...(root?.tls ?? [])] })
  const socket = await dialTls({ address: proxy, alpn: [ALPN.proxySsh], context, deadlineMs: DIAL_MS, signal })
  if (!socket.authorized) {
    socket.destroy()
    throw new PorticoError('proxy/untrusted', {
      proxy: where,
      why: `it is not vouched for by the authority of ${rootCluster}`,
      reason: String(socket.authorizationError),
    })
  }
  const cas = (root?.ssh ?? []).map(parseSshKey)
  const connection = await openSshClient(socket, {
    // Any name of the certificate is taken.
    user: decodeSshCertificate(login.sshCert).principals[0] ?? '',
    identities: [keySigner(createPrivateKey(login.sshKey), login.sshCert)],
    verifyHost: key => void checkHostCertificate(key, { cas, principal: proxy.host, now: now() }),
    signal,
    log,
  })
  try {
    const channel = await connection.open('session', { signal })
    const text = readAll(channel)
    text.catch(() => {})
    if (!(await channel.request('subsystem', sshString('proxysites'))))
      throw new PorticoError('proxy/answer', { proxy: where, why: 'it lists no clusters' })
    return parse(await text, rootCluster, where)
  } finally {
    void connection.close()
  }
}

async function readAll(channel: SshChannel): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of channel as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > ANSWER_LIMIT) throw new PorticoError('wire/too-long', { why: 'the list of clusters is too long' })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks, length).toString('utf8')
}

function parse(text: string, rootCluster: string, proxy: string): readonly ListedCluster[] {
  try {
    const sites = Sites.parse(JSON.parse(text)).map(({ name, status }) => ({ name, online: status === 'online' }))
    return sites.toSorted((a, b) => Number(b.name === rootCluster) - Number(a.name === rootCluster) || (a.name < b.name ? -1 : 1))
  } catch (thrown) {
    throw new PorticoError('proxy/answer', { proxy, why: 'its list of clusters cannot be read' }, thrown)
  }
}
