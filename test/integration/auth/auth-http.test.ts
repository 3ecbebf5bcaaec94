import { createServer, type AddressInfo, type Server } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import { openAuthGrpc, type AuthGrpc } from '../../../electron/cluster/auth/grpc-server.ts'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import type { ListedCluster } from '../../../electron/cluster/leaf/leaf-sites.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { openAuthHttp, type AuthHttp } from '../../../electron/cluster/web/auth-http.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import { newKeyPair, privateKeyPem, publicKeyPem } from '../../../electron/wire/x509.ts'
import { authAlpn } from '../../../shared/protocols.ts'

const SNI = encodeClusterSni('root.example')

let auth: OpenAuth
let grpc: AuthGrpc
let http: AuthHttp
let server: Server
let alice: KeyPair
let clusters: readonly ListedCluster[] = []
const open: TLSSocket[] = []

beforeAll(async () => {
  auth = await openAuth({ clusterName: 'root.example', storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  const nothing = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
  await auth.createRole({ name: 'dev', maxSessionTtlMs: 0, deny: nothing, allow: nothing })
  await auth.createUser({ name: 'alice', password: 'pw', roles: ['dev'] })
  const host = await auth.hostKeyPair('Auth', 'uuid', 'node1', [])
  http = openAuthHttp({ clusters: () => clusters, log: NO_LOG, now: Date.now })
  grpc = openAuthGrpc({
    auth,
    serveHttp: http.serve,
    hostKeyPair: () => host,
    clientCas: () => [...auth.ca('user').tls, ...auth.ca('host').tls],
    log: NO_LOG,
  })
  server = createServer(socket => void grpc.serve(socket, { client: { host: '127.0.0.1', port: socket.remotePort ?? 0 } }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const keys = await newKeyPair('ecdsa-p256')
  const login = { user: 'alice', password: 'pw', code: '', ttlMs: 3_600_000, sshPublicKey: undefined, routeToCluster: '' }
  const { tlsCert } = await auth.login({ ...login, tlsPublicKey: publicKeyPem(keys.publicKey), clientIp: '127.0.0.1' })
  alice = { key: privateKeyPem(keys.privateKey), cert: tlsCert }
})
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy()
})
afterAll(async () => {
  http.close()
  await grpc.close()
  await new Promise(resolve => server.close(resolve))
})

/** As `tsh clusters` connects. */
function dial(pair: KeyPair | undefined, names: readonly string[] = ['http/1.1']): Promise<TLSSocket> {
  const { port } = server.address() as AddressInfo
  const ALPNProtocols = [authAlpn(SNI), ...names]
  const socket = connect({ host: '127.0.0.1', port, servername: SNI, ALPNProtocols, ca: [...auth.ca('host').tls], ...pair })
  open.push(socket)
  return new Promise((resolve, reject) => socket.once('secureConnect', () => resolve(socket)).once('error', reject))
}

interface Answer {
  readonly status: number
  readonly body: string
}

/** Writes and reads one answer; the connection stays. */
function ask(socket: TLSSocket, path: string, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let text = ''
    const read = (chunk: Buffer): void => {
      text += String(chunk)
      const [head = '', body] = text.split('\r\n\r\n')
      if (body === undefined || Buffer.byteLength(body) < Number(/content-length: (\d+)/i.exec(head)?.[1])) return
      socket.off('data', read).off('close', closed)
      resolve({ status: Number(head.split(' ')[1]), body })
    }
    const closed = (): void => reject(new Error('closed'))
    socket.on('data', read).once('close', closed)
    socket.write(`${method} ${path} HTTP/1.1\r\nHost: ${SNI}\r\nUser-Agent: Go-http-client/1.1\r\nAccept-Encoding: gzip\r\n\r\n`)
  })
}

test('who offers HTTP/1.1 gets no name negotiated, and an empty list of leaf clusters', async () => {
  const socket = await dial(alice)
  expect(socket.alpnProtocol).toBe(false)
  expect(await ask(socket, '/v2/remoteclusters')).toEqual({ status: 200, body: '[]' })
})

test('leaf clusters come as Teleport writes them, more than once over one connection', async () => {
  const lastSeen = Date.parse('2026-11-23T02:27:28.469Z')
  clusters = [
    { name: 'leaf.example', online: true, lastSeen },
    { name: 'never.example', online: false, lastSeen: 0 },
  ]
  const socket = await dial(alice)
  for (let times = 0; times < 2; times++) {
    const { status, body } = await ask(socket, '/v2/remoteclusters')
    expect([status, JSON.parse(body)]).toEqual([
      200,
      [
        {
          kind: 'remote_cluster',
          version: 'v3',
          metadata: { name: 'leaf.example' },
          status: { connection: 'online', last_heartbeat: '2026-11-23T02:27:28.469Z' },
        },
        {
          kind: 'remote_cluster',
          version: 'v3',
          metadata: { name: 'never.example' },
          status: { connection: 'offline', last_heartbeat: '0001-01-01T00:00:00Z' },
        },
      ],
    ])
  }
})

test('nobody without a certificate is told, and nothing else is there', async () => {
  expect(await ask(await dial(undefined), '/v2/remoteclusters')).toMatchObject({
    status: 403,
    body: expect.stringContaining('access denied to perform action \\"list\\" on \\"remote_cluster\\"'),
  })
  const socket = await dial(alice)
  expect((await ask(socket, '/v2/authorities/host')).status).toBe(404)
  expect((await ask(socket, '/v2/remoteclusters', 'POST')).status).toBe(404)
  expect((await ask(socket, '/v2/remoteclusters')).status).toBe(200)
})

test('a name that is neither of the two is refused, and h2 is preferred', async () => {
  await expect(dial(alice, ['other'])).rejects.toThrow(/no application protocol/i)
  expect((await dial(alice, ['http/1.1', 'h2'])).alpnProtocol).toBe('h2')
})

test('a head that is too long ends the connection', async () => {
  const socket = await dial(alice)
  const gone = new Promise(resolve => socket.on('error', () => {}).once('close', resolve))
  socket.write(`GET /${'x'.repeat(20_000)} HTTP/1.1\r\nHost: a\r\n\r\n`)
  socket.resume()
  await gone
})
