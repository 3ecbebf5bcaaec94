import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import type { MessageInitShape } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { KeyPair, Role } from '../../../electron/cluster/auth/auth.ts'
import { openAuthGrpc, type AuthGrpc } from '../../../electron/cluster/auth/grpc-server.ts'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import { AuthService, type ListResourcesRequestSchema } from '../../../electron/wire/gen/authservice_pb.ts'
import { TrustService } from '../../../electron/wire/gen/trust_pb.ts'
import { grpcFrame } from '../../../electron/wire/grpc-frames.ts'
import { decodeIdentity, encodeSubject, NO_IDENTITY } from '../../../electron/wire/identity.ts'
import { formatSshKey } from '../../../electron/wire/ssh-keys.ts'
import { createCsr, newKeyPair, privateKeyPem, publicKeyPem, type KeyObjects } from '../../../electron/wire/x509.ts'
import { authAlpn } from '../../../shared/protocols.ts'
import { call, rawCall, refused } from './grpc-client.ts'

const CLUSTER = 'root.example'
const HOUR = 3_600_000
const SNI = encodeClusterSni(CLUSTER)
const NOTHING = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const DEV: Role = {
  name: 'dev',
  maxSessionTtlMs: 0,
  deny: NOTHING,
  allow: { logins: ['root'], dbUsers: ['reader'], dbNames: ['*'], dbLabels: { env: ['dev'] } },
}

let auth: OpenAuth
let grpc: AuthGrpc
let server: Server
let port: number
let keys: KeyObjects
let alice: KeyPair
const open: ClientHttp2Session[] = []
const raw: TLSSocket[] = []

beforeAll(async () => {
  auth = await openAuth({ clusterName: CLUSTER, storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  await auth.createRole(DEV)
  await auth.createUser({ name: 'alice', password: 'pw', roles: ['dev'] })
  for (const [name, env] of [
    ['pg-1', 'dev'],
    ['pg-2', 'dev'],
    ['pg-3', 'dev'],
    ['secret', 'prod'],
  ] as const) {
    await auth.announce({
      name,
      description: `the ${name}`,
      dbProtocol: 'postgres',
      uri: 'localhost:5432',
      labels: { env, 'team/x': name },
      hostId: 'host-1',
      hostname: 'node1',
      expires: Date.now() + HOUR,
    })
  }
  const host = await auth.hostKeyPair('Auth', 'uuid', 'node1', [])
  grpc = openAuthGrpc({
    auth,
    hostKeyPair: () => host,
    clientCas: () => [...auth.ca('user').tls, ...auth.ca('host').tls],
    log: NO_LOG,
    publicAddress: 'localhost:3080',
  })
  server = createServer(socket => void grpc.serve(socket, { client: { host: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 } }))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
  keys = await newKeyPair('ecdsa-p256')
  alice = await logIn()
})
afterEach(() => {
  for (const session of open.splice(0)) session.destroy()
  for (const socket of raw.splice(0)) socket.destroy()
})
afterAll(async () => {
  await grpc.close()
  await new Promise(resolve => server.close(resolve))
})

async function logIn(ttlMs = HOUR): Promise<KeyPair> {
  const { tlsCert } = await auth.login({
    user: 'alice',
    password: 'pw',
    code: '',
    ttlMs,
    sshPublicKey: undefined,
    tlsPublicKey: publicKeyPem(keys.publicKey),
    routeToCluster: '',
    clientIp: '127.0.0.1',
  })
  return { key: privateKeyPem(keys.privateKey), cert: tlsCert }
}

function dial(pair: KeyPair | undefined, more: ConnectionOptions = {}): TLSSocket {
  const socket = connectTls({
    host: '127.0.0.1',
    port,
    servername: SNI,
    ALPNProtocols: [authAlpn(SNI), 'h2'],
    ca: [...auth.ca('host').tls],
    ...(pair === undefined ? {} : pair),
    ...more,
  })
  socket.on('error', () => {})
  raw.push(socket)
  return socket
}

function session(pair: KeyPair | undefined, more: ConnectionOptions = {}): ClientHttp2Session {
  const made = connectHttp2('https://auth', { createConnection: () => dial(pair, more) })
  made.on('error', () => {})
  open.push(made)
  return made
}

test('a login leads to certificates for a database and to lists', async () => {
  const on = session(alice)
  const { method } = AuthService
  expect(await call(on, method.ping, {})).toMatchObject({
    ClusterName: CLUSTER,
    ServerVersion: '13.0.0',
    ProxyPublicAddr: 'localhost:3080',
    RemoteAddr: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
  })
  expect(await call(on, method.getCurrentUser, {})).toMatchObject({ Metadata: { Name: 'alice' }, Spec: { Roles: ['dev'] } })
  expect(await call(on, method.getCurrentUserRoles, {})).toMatchObject({
    Metadata: { Name: 'dev' },
    Spec: { Allow: { DatabaseUsers: ['reader'], DatabaseLabels: { Values: { env: { Values: ['dev'] } } } } },
  })
  expect(await call(on, method.isMFARequired, { Target: { case: 'Database', value: { ServiceName: 'pg-1' } } })).toMatchObject({
    Required: false,
  })

  const list = await call(on, method.listResources, { ResourceType: 'db_server', Limit: 1000 })
  expect(list.Resources.map(one => one.Resource.value?.Metadata?.Name)).toEqual(['pg-1', 'pg-2', 'pg-3'])

  const request = {
    Username: 'alice',
    PublicKey: Buffer.from(`${formatSshKey(keys.publicKey)}\n`),
    Expires: timestampFromMs(Date.now() + 1000 * HOUR),
    Format: 'standard',
    RouteToCluster: CLUSTER,
    Usage: 3,
    RouteToDatabase: { ServiceName: 'pg-1', Protocol: 'postgres', Username: 'reader', Database: 'metrics' },
  }
  const certs = await call(on, method.generateUserCerts, request)
  const { identity, notAfter } = decodeIdentity(Buffer.from(certs.TLS).toString())
  expect(identity).toMatchObject({
    username: 'alice',
    roles: ['dev'],
    usage: ['usage:db'],
    loginIp: '127.0.0.1',
    routeToDatabase: { ServiceName: 'pg-1', Protocol: 'postgres', Username: 'reader', Database: 'metrics' },
  })
  expect(notAfter).toBe(decodeIdentity(alice.cert).notAfter)
  expect(Buffer.from(certs.SSH).toString()).toMatch(/^ecdsa-sha2-nistp256-cert-v01@openssh.com /)
  expect(certs.TLSCACerts.map(one => Buffer.from(one).toString())).toEqual(auth.ca('user').tls)

  const newer = await call(on, method.generateUserCerts, {
    ...request,
    PublicKey: new Uint8Array(),
    TLSPublicKey: Buffer.from(publicKeyPem(keys.publicKey)),
    Usage: 0,
  })
  expect(newer.SSH).toHaveLength(0)
  expect(decodeIdentity(Buffer.from(newer.TLS).toString()).identity.usage).toEqual([])
})

test('users read the roles that they hold, and no other', async () => {
  const on = session(alice)
  const { Metadata, Spec } = await call(on, AuthService.method.getRole, { Name: 'dev' })
  expect(Metadata?.Name).toBe('dev')
  expect(Spec?.Allow?.DatabaseUsers).toEqual(['reader'])
  const other = call(on, AuthService.method.getRole, { Name: 'ops' })
  await expect(other).rejects.toEqual(refused(7, 'access denied to perform action "read" on "role"'))
})

test("refuses certificates that it must not give, in Teleport's words", async () => {
  const on = session(alice)
  const generate = AuthService.method.generateUserCerts
  const good = { Username: 'alice', PublicKey: Buffer.from(formatSshKey(keys.publicKey)), Expires: timestampFromMs(Date.now() + HOUR) }
  const expired = 'access denied: client credentials have expired, please relogin.'
  await expect(call(on, generate, { ...good, Username: 'bob' })).rejects.toEqual(refused(7, 'access denied: impersonation is not allowed'))
  await expect(call(on, generate, { ...good, Expires: timestampFromMs(Date.now() - 1) })).rejects.toEqual(refused(7, expired))
  await expect(call(on, generate, { Username: 'alice', PublicKey: good.PublicKey })).rejects.toEqual(refused(7, expired))
  await expect(call(on, generate, { ...good, PublicKey: new Uint8Array() })).rejects.toEqual(refused(2, 'ssh: no key found'))
  await expect(call(on, generate, { ...good, PublicKey: Buffer.from('rubbish') })).rejects.toEqual(refused(2, 'ssh: no key found'))
  await expect(call(on, generate, { ...good, TLSPublicKey: Buffer.from('x') })).rejects.toEqual(refused(3, /cannot be set together/))
  await expect(call(on, generate, { ...good, RouteToCluster: 'leaf' })).rejects.toEqual(refused(5, 'remote cluster "leaf" is not found'))
  await expect(call(on, generate, { ...good, Usage: 2, KubernetesCluster: 'k' })).rejects.toEqual(
    refused(3, /^kubernetes cluster "k" is not registered/),
  )
})

test('lists by pages, labels, words, predicates and order', async () => {
  const on = session(alice)
  const list = (more: MessageInitShape<typeof ListResourcesRequestSchema>) =>
    call(on, AuthService.method.listResources, { ResourceType: 'db_server', Limit: 10, ...more })
  const names = async (more: MessageInitShape<typeof ListResourcesRequestSchema>) =>
    (await list(more)).Resources.map(one => one.Resource.value?.Metadata?.Name)
  const first = await list({ Limit: 2 })
  expect([first.Resources.length, first.NextKey, first.TotalCount]).toEqual([2, 'host-1/pg-3', 0])
  expect(await names({ StartKey: first.NextKey })).toEqual(['pg-3'])
  expect(await names({ Labels: { 'team/x': 'pg-2' } })).toEqual(['pg-2'])
  expect(await names({ SearchKeywords: ['THE', 'pg-1'] })).toEqual(['pg-1'])
  expect(await names({ SearchKeywords: ['secret'] })).toEqual([])
  expect(await names({ SortBy: { Field: 'name', IsDesc: true } })).toEqual(['pg-3', 'pg-2', 'pg-1'])
  expect((await list({ NeedTotalCount: true, Limit: 1 })).TotalCount).toBe(3)
  expect(await names({ PredicateExpression: 'labels["env"] == "dev" && !(name == "pg-1")' })).toEqual(['pg-2', 'pg-3'])
  await expect(list({ PredicateExpression: 'labels[' })).rejects.toEqual(
    refused(3, "failed to parse predicate expression: 1:8: expected operand, found 'EOF'"),
  )
  await expect(list({ Limit: 0 })).rejects.toEqual(refused(3, 'nonpositive parameter limit'))
  await expect(list({ ResourceType: 'no_such_kind' })).rejects.toEqual(
    refused(12, 'resource type no_such_kind does not support pagination'),
  )
  expect(await names({ ResourceType: 'app_server' })).toEqual([])
})

test('tells its authorities without their keys', async () => {
  const on = session(alice)
  for (const type of ['host', 'user', 'db'] as const) {
    const {
      certAuthoritiesV2: [ca],
    } = await call(on, TrustService.method.getCertAuthorities, { type })
    expect(ca?.Spec?.ActiveKeys?.TLS.map(one => Buffer.from(one.Cert).toString())).toEqual(auth.ca(type).tls)
    expect(ca?.Spec?.ActiveKeys?.SSH.map(one => Buffer.from(one.PublicKey).toString().trim())).toEqual(auth.ca(type).ssh)
  }
  expect((await call(on, TrustService.method.getCertAuthorities, { type: 'jwt' })).certAuthoritiesV2).toEqual([])
  expect(await call(on, TrustService.method.getCertAuthority, { type: 'host', domain: CLUSTER })).toMatchObject({
    Metadata: { Name: CLUSTER },
  })
  await expect(call(on, TrustService.method.getCertAuthority, { type: 'host', domain: 'x' })).rejects.toEqual(
    refused(5, 'key "/authorities/host/x" is not found'),
  )
  await expect(call(on, TrustService.method.getCertAuthority, { type: 'host', domain: CLUSTER, includeKey: true })).rejects.toEqual(
    refused(7, /"read" on "cert_authority"/),
  )
  await expect(call(on, TrustService.method.getCertAuthorities, { type: 'nosuch' })).rejects.toEqual(
    refused(3, '"nosuch" authority type is not supported'),
  )
})

test('without a certificate only Ping and the CA answer', async () => {
  const on = session(undefined)
  expect((await call(on, AuthService.method.ping, {})).ClusterName).toBe(CLUSTER)
  expect(Buffer.from((await call(on, AuthService.method.getClusterCACert, {})).TLSCA).toString()).toBe(auth.ca('host').tls.join(''))
  await expect(call(on, AuthService.method.getCurrentUser, {})).rejects.toEqual(refused(5, 'role Nop is not found'))
  await expect(call(on, AuthService.method.getCurrentUserRoles, {})).rejects.toEqual(refused(5, 'role Nop is not found'))
  await expect(call(on, AuthService.method.listResources, { ResourceType: 'node', Limit: 1 })).rejects.toEqual(
    refused(7, 'access denied to perform action "list" on "node"'),
  )
  await expect(call(on, AuthService.method.generateUserCerts, { Username: 'alice' })).rejects.toEqual(
    refused(7, 'access denied: impersonation is not allowed'),
  )
  await expect(call(on, AuthService.method.isMFARequired, {})).rejects.toEqual(refused(7, /^only a user role/))
  await expect(call(on, TrustService.method.getCertAuthorities, { type: 'host' })).rejects.toEqual(refused(7, /^access denied/))
})

test('signs for databases when a proxy asks, and for nobody else', async () => {
  const pair = await newKeyPair('ecdsa-p256')
  const identity = { ...NO_IDENTITY, username: 'alice', roles: ['dev'], teleportCluster: CLUSTER }
  const request = { CSR: Buffer.from(createCsr(encodeSubject(identity), pair)), ClusterName: CLUSTER, SignWithDatabaseCA: true }
  // With the authority of its own certificate among its roots, OpenSSL would send that along: a chain of two.
  const bare = { ca: [], rejectUnauthorized: false }
  const proxy = session(await auth.hostKeyPair('Proxy', 'p', 'proxy', []), bare)
  const { Cert } = await call(proxy, AuthService.method.signDatabaseCSR, request)
  expect(decodeIdentity(Buffer.from(Cert).toString()).identity.usage).toEqual(['usage:db'])
  await expect(call(session(alice), AuthService.method.signDatabaseCSR, request)).rejects.toEqual(
    refused(7, 'this request can only be executed by a proxy service'),
  )
  const agent = session(await auth.hostKeyPair('Db', 'd', 'db', []), bare)
  await expect(call(agent, AuthService.method.signDatabaseCSR, request)).rejects.toEqual(refused(7, /proxy service/))
  await expect(call(proxy, AuthService.method.generateDatabaseCert, { CSR: request.CSR })).rejects.toEqual(refused(7, /database service/))
})

test('unknown methods, rubbish and requests that are too big end as a Go server ends them', async () => {
  const on = session(alice)
  expect(await rawCall(on, '/proto.AuthService/ListUnifiedResources', grpcFrame(Buffer.alloc(0)))).toMatchObject({
    status: 12,
    http: 200,
    trailersOnly: true,
    message: 'unknown method ListUnifiedResources for service proto.AuthService',
  })
  expect(await rawCall(on, '/teleport.nosuch.v1.NoSuchService/Do', grpcFrame(Buffer.alloc(0)))).toMatchObject({
    status: 12,
    message: 'unknown service teleport.nosuch.v1.NoSuchService',
  })
  expect(await rawCall(on, '/proto.AuthService/ListResources', grpcFrame(Buffer.from([0x0a, 0x7f])))).toMatchObject({
    status: 13,
    message: 'grpc: error unmarshalling request: unexpected EOF',
  })
  expect(await rawCall(on, '/proto.AuthService/Ping', Buffer.from('{}'), 'application/json')).toMatchObject({
    status: 3,
    http: 415,
    message: 'invalid gRPC request content-type "application/json"',
  })
  expect(await rawCall(on, '/proto.AuthService/Ping', grpcFrame(Buffer.alloc(5 * 1024 * 1024)))).toMatchObject({
    status: 8,
    message: 'grpc: received message larger than max (5242880 vs. 4194304)',
  })
  expect(await rawCall(on, '/proto.AuthService/Ping', grpcFrame(Buffer.alloc(0)))).toMatchObject({ status: 0, trailersOnly: false })
})

/** What a connection that is refused after its handshake gets to see. */
function bytesUntilClose(socket: TLSSocket): Promise<{ secured: boolean; bytes: number }> {
  return new Promise(resolve => {
    let [secured, bytes] = [false, 0]
    socket.once('secureConnect', () => {
      secured = true
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    })
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length)).once('close', () => resolve({ secured, bytes }))
  })
}

test('a certificate for databases is closed at once, without a byte', async () => {
  const { tlsCert } = await auth.reissue(
    { identity: decodeIdentity(alice.cert).identity, notAfter: Date.now() + HOUR },
    {
      sshPublicKey: undefined,
      tlsPublicKey: publicKeyPem(keys.publicKey),
      usage: ['usage:db'],
      routeToCluster: '',
      routeToDatabase: undefined,
      notAfter: Date.now() + HOUR,
    },
  )
  expect(await bytesUntilClose(dial({ key: alice.key, cert: tlsCert }))).toEqual({ secured: true, bytes: 0 })
})

test.each(['TLSv1.2', 'TLSv1.3'] as const)('expired, foreign and chained certificates get no answer (%s)', async version => {
  const only = { minVersion: version, maxVersion: version } as const
  const short = await logIn(1)
  await new Promise(resolve => setTimeout(resolve, 1_100))
  expect((await bytesUntilClose(dial(short, only))).bytes).toBe(0)

  const foreign = await openAuth({ clusterName: CLUSTER, storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  await foreign.createRole(DEV)
  await foreign.createUser({ name: 'alice', password: 'pw', roles: ['dev'] })
  const { tlsCert } = await foreign.login({
    user: 'alice',
    password: 'pw',
    code: '',
    ttlMs: HOUR,
    sshPublicKey: undefined,
    tlsPublicKey: publicKeyPem(keys.publicKey),
    routeToCluster: '',
    clientIp: '',
  })
  expect((await bytesUntilClose(dial({ key: alice.key, cert: tlsCert }, only))).bytes).toBe(0)
  expect((await bytesUntilClose(dial({ key: alice.key, cert: alice.cert + auth.ca('user').tls[0]! }, only))).bytes).toBe(0)
})

test('only h2 is spoken, and only this cluster is named', async () => {
  expect(await bytesUntilClose(dial(alice, { ALPNProtocols: ['other'] }))).toEqual({ secured: false, bytes: 0 })
  // Taken as Teleport takes it, but nothing here speaks it.
  expect(await bytesUntilClose(dial(alice, { ALPNProtocols: ['http/1.1'] }))).toEqual({ secured: true, bytes: 0 })
  const other = encodeClusterSni('other.example')
  expect((await bytesUntilClose(dial(alice, { servername: other, checkServerIdentity: () => undefined }))).bytes).toBe(0)
  expect(
    (await bytesUntilClose(dial(alice, { servername: 'zz.teleport.cluster.local', checkServerIdentity: () => undefined }))).bytes,
  ).toBe(0)
})
