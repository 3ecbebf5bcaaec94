import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { openAgent, type Agent } from '../../../electron/cluster/database/agent.ts'
import { dialLocalAgents } from '../../../electron/cluster/database/dial-agent.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import { openDatabaseProxy, type DatabaseProxy } from '../../../electron/cluster/database/proxy-service.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { decodeIdentity, encodeSubject, NO_IDENTITY } from '../../../electron/wire/identity.ts'
import { pemToDer } from '../../../electron/wire/pem.ts'
import { createCsr, newKeyPair, privateKeyPem, publicKeyPem } from '../../../electron/wire/x509.ts'
import { ALPN } from '../../../shared/protocols.ts'

/** The captured session: what its client sent, and what the server answered until it closed. */
interface Captured {
  readonly sent: readonly Buffer[]
  readonly answered: Buffer
}

function captured(name: string): Captured {
  const { log } = JSON.parse(readFileSync(join(import.meta.dirname, 'captured', `${name}.json`), 'utf8')) as {
    log: readonly { from?: string; layer?: string; hex?: string }[]
  }
  const inner = log.some(({ layer }) => layer === 'inner')
  const chunks = (from: string): Buffer[] =>
    log
      .filter(line => line.from === from && line.hex !== undefined && (!inner || line.layer === 'inner'))
      .map(line => Buffer.from(line.hex!, 'hex'))
  return { sent: chunks('client'), answered: Buffer.concat(chunks('server')) }
}

let auth: OpenAuth
let proxy: DatabaseProxy
let agent: Agent
let hostKeyPair: { key: string; cert: string }
const certificates = new Map<string, { key: string; cert: string }>()

async function makeCertificate(
  name: string,
  user: string,
  route: { ServiceName: string; Protocol?: string; Username?: string; Database?: string } | undefined,
  usage: string[],
): Promise<void> {
  const keys = await newKeyPair('ecdsa-p256')
  const tlsPublicKey = publicKeyPem(keys.publicKey)
  const { tlsCert } = await auth.login({
    user,
    password: 'p',
    code: '',
    ttlMs: 3_600_000,
    sshPublicKey: undefined,
    tlsPublicKey,
    routeToCluster: '',
    clientIp: '',
  })
  const { identity, notAfter } = decodeIdentity(tlsCert)
  const routeToDatabase = route && { Protocol: 'postgres', Username: 'alice', Database: 'app', ...route }
  const { tlsCert: cert } =
    usage.length === 0
      ? { tlsCert }
      : await auth.reissue(
          { identity, notAfter },
          { sshPublicKey: undefined, tlsPublicKey, usage, routeToCluster: '', routeToDatabase, notAfter },
        )
  certificates.set(name, { key: privateKeyPem(keys.privateKey), cert })
}

/** Nothing listens where the database would be: every case here ends before it. */
beforeAll(async () => {
  auth = await openAuth({ clusterName: 'root.example', storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  const role = (name: string, dbUsers: string[], dbNames: string[]) => ({
    name,
    maxSessionTtlMs: 3_600_000,
    allow: { logins: [], dbUsers, dbNames, dbLabels: { '*': ['*'] } },
    deny: { logins: [], dbUsers: [], dbNames: [], dbLabels: {} },
  })
  await auth.createRole(role('lab-access', ['*'], ['*']))
  await auth.createRole(role('bob-only', ['bob'], ['app']))
  await auth.createUser({ name: 'alice', password: 'p', roles: ['lab-access'] })
  await auth.createUser({ name: 'carol', password: 'p', roles: ['bob-only'] })
  hostKeyPair = await auth.hostKeyPair('Proxy', 'host', 'node1', ['localhost'])
  const unused = createServer()
  await new Promise<void>(resolve => unused.listen(0, '127.0.0.1', resolve))
  const { port } = unused.address() as { port: number }
  await new Promise<void>(resolve => unused.close(() => resolve()))
  const tls = { mode: 'verify-full', caCert: undefined, serverName: undefined } as const
  agent = await openAgent({
    auth,
    host: { hostId: 'agent', hostname: 'node1' },
    log: NO_LOG,
    databases: [{ name: 'pg', description: '', dbProtocol: 'postgres', uri: `127.0.0.1:${port}`, labels: {}, tls }],
  })
  await auth.announce({
    name: 'gone',
    description: '',
    dbProtocol: 'postgres',
    uri: '',
    labels: {},
    hostId: 'elsewhere',
    hostname: 'elsewhere',
    expires: Date.now() + 60_000,
  })
  proxy = openDatabaseProxy({ auth, hostKeyPair: () => hostKeyPair, dialAgent: dialLocalAgents(() => [agent]), log: NO_LOG })
  await makeCertificate('login', 'alice', undefined, [])
  await makeCertificate('pg', 'alice', { ServiceName: 'pg' }, ['usage:db'])
  await makeCertificate('nosuch', 'alice', { ServiceName: 'nosuch' }, ['usage:db'])
  await makeCertificate('gone', 'alice', { ServiceName: 'gone' }, ['usage:db'])
  await makeCertificate('carol-alice', 'carol', { ServiceName: 'pg' }, ['usage:db'])
  await makeCertificate('carol-bob', 'carol', { ServiceName: 'pg', Username: 'bob' }, ['usage:db'])
  await makeCertificate('kube', 'alice', { ServiceName: 'pg' }, ['usage:kube'])
}, 30_000)
afterAll(() => {
  agent?.close()
})

/**
 * The proxy's handler on one end of a wire, as the router would call it.
 * @param outer name of the certificate shown in the outer TLS; `none` without, `raw` without TLS
 */
function open(outer: string): Duplex {
  const [mine, theirs] = duplexPair()
  const certificate = certificates.get(outer)
  const peerCertificate = certificate === undefined ? undefined : pemToDer(certificate.cert)
  const identity = peerCertificate === undefined ? undefined : decodeIdentity(peerCertificate).identity
  const handler = identity?.routeToDatabase === undefined ? proxy.postgres : proxy.database
  const negotiated = outer === 'raw' ? undefined : ALPN.postgres
  // A handler that throws leaves its stream to the router, which closes it.
  Promise.resolve(
    handler(theirs, { sni: undefined, offered: [], negotiated, client: { host: '127.0.0.1', port: 1 }, identity, peerCertificate }),
  ).catch(() => theirs.destroy())
  return mine
}

/** Sends chunk after chunk, each when something came back or after a moment, and collects until the end. */
function play(stream: Duplex, sent: readonly Buffer[], step?: number): Promise<Buffer> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    const left = [...sent]
    const next = (): void => {
      const chunk = left.shift()
      if (chunk === undefined || !stream.writable) return
      for (let at = 0; at < chunk.length; at += step ?? chunk.length) stream.write(chunk.subarray(at, at + (step ?? chunk.length)))
    }
    stream.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      next()
    })
    stream.on('error', () => {})
    const done = (): void => {
      resolve(Buffer.concat(chunks))
      stream.destroy()
    }
    stream.once('end', done).once('close', done)
    next()
  })
}

async function innerTls(stream: Duplex, certificate: { key: string; cert: string } | undefined): Promise<TLSSocket> {
  const answer = await new Promise<Buffer>(resolve => {
    stream.once('data', resolve)
    stream.write(Buffer.from('0000000804d2162f', 'hex'))
  })
  stream.pause()
  expect(answer.toString()).toBe('S')
  const secure = connect({ socket: stream, servername: 'localhost', ca: [...auth.ca('host').tls], ...certificate })
  secure.on('error', () => {})
  await new Promise<void>(resolve => secure.once('secureConnect', () => resolve()))
  return secure
}

describe('a refusal has the captured bytes', () => {
  test.each([
    ['pg-no-certificate-startup', 'none'],
    ['pg-cancel-no-certificate', 'none'],
    ['pg-no-certificate-gss-startup', 'none'],
    ['pg-outer-login-certificate', 'login'],
    ['pg-tunnel-unknown-database', 'nosuch'],
    ['pg-tunnel-denied-user', 'carol-alice'],
    ['pg-tunnel-denied-user-by-startup', 'carol-bob'],
    ['pg-tunnel-denied-database', 'carol-bob'],
    ['pg-tunnel-empty-startup', 'pg'],
    ['pg-tunnel-protocol-3.2', 'pg'],
    ['pg-tunnel-garbage', 'pg'],
    ['pg-tunnel-ssl-twice', 'pg'],
    ['down-database-pg-tunnel', 'pg'],
    ['down-database-pg-tunnel-cancel', 'pg'],
    ['down-agent-pg-tunnel', 'gone'],
    ['down-agent-pg-tunnel-cancel', 'gone'],
  ])('%s', async (name, outer) => {
    const { sent, answered } = captured(name)
    expect((await play(open(outer), sent)).toString('latin1')).toBe(answered.toString('latin1'))
    expect((await play(open(outer), sent, 1)).toString('latin1')).toBe(answered.toString('latin1'))
  })

  test.each([
    ['pg-passthrough-inner-login-certificate', 'login'],
    ['pg-passthrough-unknown-database', 'nosuch'],
  ])('%s', async (name, certificate) => {
    const { sent, answered } = captured(name)
    expect((await play(await innerTls(open('none'), certificates.get(certificate)), sent)).toString()).toBe(answered.toString())
  })
})

describe('a connection is closed without a byte', () => {
  test('for a startup message without any TLS', async () => {
    expect(await play(open('raw'), captured('pg-no-certificate-startup').sent)).toHaveLength(0)
  })

  test('for an inner TLS without a certificate, after its handshake', async () => {
    const secure = await innerTls(open('none'), undefined)
    expect(await play(secure, captured('pg-no-certificate-startup').sent)).toHaveLength(0)
  })

  test('for bytes that were sent on before the answer to SSLRequest', async () => {
    expect(await play(open('none'), [Buffer.from('0000000804d2162f16030100', 'hex')])).toHaveLength(0)
  })

  test('for a certificate whose usage is something else', async () => {
    expect(await play(open('kube'), captured('pg-tunnel-denied-user').sent)).toHaveLength(0)
  })
})

test('a user who was removed since is told so, and the certificate opens nothing', async () => {
  await auth.createUser({ name: 'dora', password: 'p', roles: ['lab-access'] })
  await makeCertificate('dora', 'dora', { ServiceName: 'pg' }, ['usage:db'])
  await auth.removeUser('dora')
  const { sent } = captured('pg-tunnel-denied-user')
  expect((await play(open('dora'), sent)).toString()).toContain('user "dora" is not found')
})

test('a certificate of another database authority does not pass the agent', async () => {
  const other = await openAuth({ clusterName: 'root.example', storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  const keys = await newKeyPair('ecdsa-p256')
  const [mine, theirs] = duplexPair()
  agent.serve(theirs)
  const subject = encodeSubject({
    ...NO_IDENTITY,
    username: 'eve',
    roles: ['lab-access'],
    teleportCluster: 'root.example',
    routeToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: 'alice', Database: 'app' },
  })
  await other.createUser({ name: 'eve', password: 'p', roles: ['lab-access'] })
  await other.createRole({
    name: 'lab-access',
    maxSessionTtlMs: 0,
    allow: { logins: [], dbUsers: [], dbNames: [], dbLabels: {} },
    deny: { logins: [], dbUsers: [], dbNames: [], dbLabels: {} },
  })
  const { cert } = await other.signDatabaseCsr(createCsr(subject, keys), 'root.example')
  const secure = connect({ socket: mine, servername: 'node1', ca: [...auth.ca('host').tls], key: privateKeyPem(keys.privateKey), cert })
  expect(await play(secure, captured('pg-tunnel-denied-user').sent.slice(1))).toHaveLength(0)
})
