import { createPublicKey, type KeyObject } from 'node:crypto'
import { CLUSTER_SNI_SUFFIX } from '../../../shared/protocols.ts'
import { pemToDer } from '../../wire/pem.ts'
import { parseSshKey } from '../../wire/ssh-keys.ts'
import { checkJoin, type JoinTokens } from '../auth/join-tokens.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { jsonAnswer, WebRefusal, type Answer, type WebRequest } from './answer.ts'
import { goBytes, goLine } from './go-bytes.ts'
import { readJson } from './read-json.ts'

const REGISTER = {
  hostID: 'string',
  node_name: 'string',
  role: 'string',
  token: 'string',
  additional_principals: '[]string',
  dns_names: '[]string',
  public_tls_key: '[]uint8',
  public_ssh_key: '[]uint8',
} as const

const HOST_ID = /^[0-9A-Za-z-]{1,64}$/
/** What may stand in a certificate as a name of the host. */
const PRINCIPAL = /^[0-9A-Za-z.:_*-]{1,253}$/

/** Services of version 13 ask for these, too. Whose certificate has them, its role says. Teleport: lib/auth/auth.go DefaultDNSNamesForRole */
const ROLE_NAMES: ReadonlySet<string> = new Set([CLUSTER_SNI_SUFFIX, `*.${CLUSTER_SNI_SUFFIX}`])

/** Go's name of the block is wrong (`RSA PUBLIC KEY` around an SPKI); others write `PUBLIC KEY`. [captured] */
function tlsKey(pem: Buffer | undefined): KeyObject {
  try {
    return createPublicKey({ key: pemToDer(pem?.toString('utf8') ?? ''), format: 'der', type: 'spki' })
  } catch {
    throw new WebRefusal(400, 'missing or unreadable parameter PublicTLSKey')
  }
}

function sshKey(text: Buffer | undefined): KeyObject {
  try {
    return parseSshKey((text?.toString('utf8') ?? '').trim())
  } catch {
    throw new WebRefusal(400, 'missing or unreadable parameter PublicSSHKey')
  }
}

/**
 * POST host/credentials: a joining service's token to its certificates. Teleport: lib/auth/join.go RegisterUsingToken
 * [captured: fixtures tunnel/register-node.*]
 */
export async function hostCredentials({
  auth,
  tokens,
  request,
}: {
  auth: OpenAuth
  tokens: JoinTokens
  request: WebRequest
}): Promise<Answer> {
  const body = await readJson(request, 'RegisterUsingTokenRequest', REGISTER)
  const { hostID: hostId, role, node_name: nodename, additional_principals: principals } = body
  const dnsNames = body.dns_names.filter(name => !ROLE_NAMES.has(name.toLowerCase()))
  if (hostId === '') throw new WebRefusal(400, 'missing parameter HostID')
  if (role === '') throw new WebRefusal(400, 'missing parameter Role')
  if (!HOST_ID.test(hostId)) throw new WebRefusal(400, 'HostID is not usable')
  const named = [...principals, ...dnsNames, nodename].filter(name => name !== '')
  // The names of the cluster itself and of its proxies are not for whoever holds a token.
  if (named.some(name => !PRINCIPAL.test(name) || /(^|\.)teleport\.cluster\.local$/i.test(name)))
    throw new WebRefusal(400, 'a principal is not usable')
  await checkJoin(tokens, { secret: body.token, role, nodename })
  const certificates = auth.hostCertificates({
    role,
    hostId,
    nodename,
    principals: [...principals, ...dnsNames],
    sshPublicKey: sshKey(body.public_ssh_key),
    tlsPublicKey: tlsKey(body.public_tls_key),
  })
  const ca = auth.ca('host')
  return jsonAnswer({
    ssh: goLine(certificates.ssh),
    tls: goBytes(certificates.tls),
    tls_ca_certs: ca.tls.map(goBytes),
    ssh_ca_certs: ca.ssh.map(goLine),
  })
}
