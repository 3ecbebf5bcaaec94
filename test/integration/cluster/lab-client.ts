import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { decodeIdentity, type RouteToDatabase } from '../../../electron/wire/identity.ts'
import { newKeyPair, privateKeyPem, publicKeyPem } from '../../../electron/wire/x509.ts'
import { ALPN } from '../../../shared/protocols.ts'

/** A client's side of a lab, kept small: certificates straight from its auth service, and a local port that is one TLS hop. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

export async function certificateFor(
  lab: Lab,
  user: string,
  route: Partial<RouteToDatabase> | undefined,
  usage: readonly string[] = ['usage:db'],
): Promise<Certificate> {
  const { auth } = lab.running
  const { password } = lab.users.find(({ name }) => name === user)!
  const keys = await newKeyPair('ecdsa-p256')
  const tlsPublicKey = publicKeyPem(keys.publicKey)
  const login = await auth.login({
    user,
    password,
    code: '',
    ttlMs: 3_600_000,
    sshPublicKey: undefined,
    tlsPublicKey,
    routeToCluster: '',
    clientIp: '127.0.0.1',
  })
  if (route === undefined && usage.length === 0) return { key: privateKeyPem(keys.privateKey), cert: login.tlsCert }
  const { identity, notAfter } = decodeIdentity(login.tlsCert)
  const narrowed = await auth.reissue(
    { identity, notAfter },
    {
      sshPublicKey: undefined,
      tlsPublicKey,
      usage,
      routeToCluster: '',
      notAfter,
      routeToDatabase: route && { ServiceName: '', Protocol: 'postgres', Username: '', Database: '', ...route },
    },
  )
  return { key: privateKeyPem(keys.privateKey), cert: narrowed.tlsCert }
}

export function dialLab(lab: Lab, certificate: Certificate | undefined, alpn: readonly string[] = [ALPN.postgres]): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port: lab.running.address.port,
      servername: 'localhost',
      ca: readFileSync(lab.caFile),
      ALPNProtocols: [...alpn],
      ...certificate,
    })
    socket.once('error', reject)
    socket.once('secureConnect', () => {
      socket.off('error', reject)
      socket.on('error', () => {})
      resolve(socket)
    })
  })
}

export interface LocalPort {
  readonly port: number
  close(): void
}

/** Every connection to it goes to the lab with this outer certificate. */
export async function openLocalPort(lab: Lab, certificate: Certificate | undefined): Promise<LocalPort> {
  const open = new Set<Socket>()
  const server = createServer({ noDelay: true }, local => {
    open.add(local)
    local.on('error', () => {})
    local.pause()
    dialLab(lab, certificate).then(
      upstream => {
        local.once('close', () => upstream.destroy())
        upstream.once('close', () => local.destroy())
        local.pipe(upstream).pipe(local)
      },
      () => local.destroy(),
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

export interface ProgramEnd {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<ProgramEnd> {
  return new Promise(resolve => {
    execFile(
      program,
      [...args],
      { env: { ...process.env, ...env }, timeout: 30_000, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
      },
    )
  })
}

/** psql's files for passthrough: the client brings its certificate, and trusts the cluster's host CA. */
export async function passthroughFiles(lab: Lab, certificate: Certificate): Promise<{ readonly options: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'portico-files-'))
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 })
    return join(folder, name)
  }
  const ca = await file('ca.pem', lab.running.auth.ca('host').tls.join(''))
  const [cert, key] = [await file('cert.pem', certificate.cert), await file('key.pem', certificate.key)]
  return {
    options: `sslmode=verify-full sslrootcert=${ca} sslcert=${cert} sslkey=${key}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}
