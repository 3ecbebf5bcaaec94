import { X509Certificate } from 'node:crypto'
import { beforeAll, describe, expect, test } from 'vitest'
import type { LoginRequest, Role } from '../../../../electron/cluster/auth/auth.ts'
import { openAuth, type OpenAuth } from '../../../../electron/cluster/auth/open-auth.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { decodeIdentity, encodeSubject, NO_IDENTITY } from '../../../../electron/wire/identity.ts'
import { decodeSshCertificate, isSignedBy } from '../../../../electron/wire/ssh-certificate.ts'
import { formatSshKey, parseSshKey } from '../../../../electron/wire/ssh-keys.ts'
import { encodeBase32, totpCode } from '../../../../electron/wire/totp.ts'
import { commonNameOnly, createCsr, newKeyPair, publicKeyPem, type KeyObjects } from '../../../../electron/wire/x509.ts'

const START = Date.UTC(2030, 0, 1)
const HOUR = 3_600_000
const PASSWORD = 'correct horse'
const SECRET = encodeBase32(Buffer.from('a secret of twenty b'))
const NOTHING = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const ACCESS: Role = {
  name: 'access',
  maxSessionTtlMs: 8 * HOUR,
  deny: { ...NOTHING, logins: ['root'] },
  allow: { logins: ['{{internal.logins}}', 'root', 'ubuntu'], dbUsers: ['writer', 'reader'], dbNames: ['*'], dbLabels: { '*': ['*'] } },
}

let clock = START
const now = (): number => clock
const storage = openMemoryStorage({ now })
let auth: OpenAuth
let keys: KeyObjects

beforeAll(async () => {
  auth = await openAuth({ clusterName: 'root.example', storage, secondFactor: 'otp', log: NO_LOG, now, passwordCost: 1_024 })
  keys = await newKeyPair('rsa-2048')
  await auth.createRole(ACCESS)
  await auth.createRole({ ...ACCESS, name: 'db-only', maxSessionTtlMs: 0, allow: { ...ACCESS.allow, logins: [] } })
  await auth.createUser({
    name: 'alice',
    password: PASSWORD,
    roles: ['access', 'db-only'],
    traits: { logins: ['alice'] },
    totpSecret: SECRET,
  })
  await auth.createUser({ name: 'dave', password: PASSWORD, roles: ['db-only'], totpSecret: SECRET })
  await auth.createUser({ name: 'nofactor', password: PASSWORD, roles: ['access'] })
})

/** Each login has its own half minute, since codes are good once. */
const login = (more: Partial<LoginRequest> = {}) => {
  clock += 120_000
  return auth.login({
    user: 'alice',
    password: PASSWORD,
    code: totpCode(SECRET, clock),
    ttlMs: HOUR,
    sshPublicKey: formatSshKey(keys.publicKey),
    tlsPublicKey: publicKeyPem(keys.publicKey),
    routeToCluster: '',
    clientIp: '127.0.0.1',
    ...more,
  })
}
const REFUSED = expect.objectContaining({ code: 'login/refused', facts: { why: 'invalid username, password or second factor' } })

describe('login', () => {
  test('gives both certificates, signed by the user authority, with what Teleport would say', async () => {
    const answer = await login()
    const { identity, notBefore, notAfter, issuer } = decodeIdentity(answer.tlsCert)
    expect(identity).toEqual({
      ...NO_IDENTITY,
      username: 'alice',
      roles: ['access', 'db-only'],
      logins: ['alice', 'ubuntu', '-teleport-internal-join'],
      routeToCluster: 'root.example',
      teleportCluster: 'root.example',
      databaseNames: ['*'],
      databaseUsers: ['reader', 'writer'],
      loginIp: '127.0.0.1',
      privateKeyPolicy: 'none',
      traits: {
        aws_role_arns: [],
        azure_identities: [],
        db_names: [],
        db_users: [],
        gcp_service_accounts: [],
        kubernetes_groups: [],
        kubernetes_users: [],
        logins: ['alice'],
        windows_logins: [],
      },
    })
    expect([notBefore, notAfter, issuer]).toEqual([clock - 60_000, clock + HOUR, 'root.example'])
    expect(new X509Certificate(answer.tlsCert).verify(new X509Certificate(auth.ca('user').tls[0]!).publicKey)).toBe(true)
    const ssh = decodeSshCertificate(answer.sshCert)
    expect(isSignedBy(ssh, auth.ca('user').ssh.map(parseSshKey))).toBe(true)
    expect(ssh).toMatchObject({ kind: 'user', keyId: 'alice', principals: identity.logins, signatureType: 'rsa-sha2-512' })
    expect([...ssh.extensions.keys()]).toEqual([
      'login-ip',
      'permit-agent-forwarding',
      'permit-port-forwarding',
      'permit-pty',
      'private-key-policy',
      'teleport-roles',
      'teleport-route-to-cluster',
      'teleport-traits',
    ])
    expect(ssh.extensions.get('teleport-roles')).toBe('{"version":"v1","roles":["access","db-only"]}')
    expect(answer.hostCa).toEqual(auth.ca('host'))
  })

  test('a user without logins gets a principal that nobody has', async () => {
    const { identity } = decodeIdentity((await login({ user: 'dave' })).tlsCert)
    expect(identity.logins).toEqual(['-teleport-internal-join', expect.stringMatching(/^-teleport-nologin-[0-9a-f-]{36}$/)])
  })

  test('gives only the certificates whose keys it got', async () => {
    expect((await login({ sshPublicKey: undefined })).sshCert).toBe('')
    expect((await login({ tlsPublicKey: undefined })).tlsCert).toBe('')
  })

  test('cuts a long ttl to the roles, and takes a short one for TLS but never under a minute for SSH', async () => {
    expect(decodeIdentity((await login({ ttlMs: 100 * HOUR })).tlsCert).notAfter).toBe(clock + 8 * HOUR)
    expect(decodeIdentity((await login({ user: 'dave', ttlMs: 100 * HOUR })).tlsCert).notAfter).toBe(clock + 30 * HOUR)
    const short = await login({ ttlMs: 1_000 })
    expect(decodeIdentity(short.tlsCert).notAfter).toBe(clock + 1_000)
    expect(decodeSshCertificate(short.sshCert).validBefore).toBe(BigInt(clock / 1_000 + 60))
  })

  test('refuses wrong passwords, unknown users and missing devices in the same words', async () => {
    await expect(login({ password: 'wrong' })).rejects.toEqual(REFUSED)
    await expect(login({ user: 'nobody' })).rejects.toEqual(REFUSED)
    await expect(login({ user: '../cas/user' })).rejects.toEqual(REFUSED)
    await expect(login({ user: 'nofactor' })).rejects.toEqual(REFUSED)
    await expect(login({ password: PASSWORD + '\0'.repeat(2_000) })).rejects.toEqual(REFUSED)
    for (const code of ['', '000000x', 'abcdef']) await expect(login({ code })).rejects.toEqual(REFUSED)
  })

  test('takes as long for an unknown user', async () => {
    const time = async (user: string): Promise<number> => {
      const start = performance.now()
      await auth.checkPassword(user, 'wrong').catch(() => undefined)
      return performance.now() - start
    }
    await time('alice')
    const [known, unknown] = [await time('alice'), await time('nobody')]
    expect(unknown).toBeGreaterThan(known / 4)
  })

  test('a code works once, also when two come at the same time', async () => {
    clock += 120_000
    const code = totpCode(SECRET, clock)
    const stay = clock - 120_000
    clock = stay
    await login({ code })
    clock = stay
    await expect(login({ code })).rejects.toEqual(REFUSED)
    clock += 120_000
    const request = {
      user: 'dave',
      password: PASSWORD,
      code: totpCode(SECRET, clock),
      ttlMs: HOUR,
      sshPublicKey: undefined,
      tlsPublicKey: undefined,
      routeToCluster: '',
      clientIp: '',
    }
    const both = await Promise.allSettled([auth.login(request), auth.login(request)])
    expect(both.map(one => one.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('takes the code of the half minute before and after, no more', async () => {
    for (const [shift, good] of [
      [-60_000, false],
      [-30_000, true],
      [30_000, true],
      [60_000, false],
    ] as const) {
      clock += 300_000
      const attempt = login({ code: totpCode(SECRET, clock + 120_000 + shift) })
      if (good) expect((await attempt).user).toBe('alice')
      else await expect(attempt).rejects.toEqual(REFUSED)
    }
  })

  test("an unknown cluster and a bad key are told in Go's words", async () => {
    await expect(login({ routeToCluster: 'nope.example' })).rejects.toMatchObject({
      code: 'resource/not-found',
      facts: { why: 'remote cluster "nope.example" is not found' },
    })
    await expect(login({ sshPublicKey: 'no key' })).rejects.toMatchObject({ code: 'wire/malformed', facts: { why: 'ssh: no key found' } })
  })

  test('without a second factor the password is enough', async () => {
    const off = await openAuth({ clusterName: 'root.example', storage, secondFactor: 'off', log: NO_LOG, now })
    const request = {
      user: 'nofactor',
      password: PASSWORD,
      code: '',
      ttlMs: HOUR,
      sshPublicKey: undefined,
      tlsPublicKey: undefined,
      routeToCluster: '',
      clientIp: '',
    }
    expect((await off.login(request)).user).toBe('nofactor')
    await expect(off.login({ ...request, password: 'x' })).rejects.toMatchObject({ facts: { why: 'invalid username or password' } })
    expect(off.ca('host')).toEqual(auth.ca('host'))
  })
})

test('names that Teleport refuses are refused, and those of system roles', async () => {
  for (const name of ['a,b', 'a"b', "o'brien", 'müller', 'a/b', ''])
    await expect(auth.createUser({ name, password: 'x', roles: [] })).rejects.toMatchObject({ code: 'cluster/config' })
  await expect(auth.createRole({ ...ACCESS, name: 'Proxy' })).rejects.toMatchObject({ code: 'cluster/config' })
  expect(await auth.createUser({ name: 'alice', password: 'other', roles: [] })).toBe(false)
})

test('host certificates fit their role', async () => {
  const { cert } = await auth.hostKeyPair('Proxy', 'uuid-1', 'node1', ['localhost', '127.0.0.1', '::1'])
  expect(decodeIdentity(cert).identity).toEqual({
    ...NO_IDENTITY,
    username: 'uuid-1.root.example',
    roles: ['Proxy'],
    teleportCluster: 'root.example',
  })
  const read = new X509Certificate(cert)
  expect(read.subjectAltName).toBe(
    'DNS:node1, DNS:localhost, DNS:remote.kube.proxy.teleport.cluster.local, DNS:*.teleport.cluster.local, DNS:teleport.cluster.local, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1',
  )
  expect(read.verify(new X509Certificate(auth.ca('host').tls[0]!).publicKey)).toBe(true)
  expect(decodeIdentity((await auth.hostKeyPair('Auth', 'u', 'h', [])).cert).identity.roles).toEqual(['Admin'])
})

test("signs the proxy's request for a user of this cluster only, for databases only", async () => {
  const pair = await newKeyPair('ecdsa-p256')
  const identity = {
    ...NO_IDENTITY,
    username: 'alice',
    roles: ['access'],
    teleportCluster: 'root.example',
    routeToDatabase: { ServiceName: 'pg', Protocol: 'postgres', Username: 'reader', Database: 'x' },
  }
  const { cert, caCerts } = await auth.signDatabaseCsr(createCsr(encodeSubject(identity), pair), 'root.example')
  expect(decodeIdentity(cert)).toMatchObject({ identity: { ...identity, usage: ['usage:db'] }, notAfter: clock + 8 * HOUR })
  expect(new X509Certificate(cert).verify(new X509Certificate(auth.ca('db').tls[0]!).publicKey)).toBe(true)
  expect(caCerts).toEqual(auth.ca('host').tls)
  await expect(
    auth.signDatabaseCsr(createCsr(encodeSubject({ ...identity, teleportCluster: 'other' }), pair), 'root.example'),
  ).rejects.toMatchObject({ code: 'access/denied' })
  await expect(
    auth.signDatabaseCsr(createCsr(encodeSubject({ ...identity, username: 'gone' }), pair), 'root.example'),
  ).rejects.toMatchObject({ facts: { why: 'user "gone" is not found' } })
  await expect(
    auth.signDatabaseCsr(createCsr(encodeSubject({ ...identity, roles: ['gone'] }), pair), 'root.example'),
  ).rejects.toMatchObject({ code: 'resource/not-found' })
})

test('certificates for databases name the account, those of databases their hosts', async () => {
  const pair = await newKeyPair('ecdsa-p256')
  const client = await auth.generateDatabaseCert(createCsr(commonNameOnly('reader'), pair), HOUR)
  expect(new X509Certificate(client.cert).subject).toBe('CN=reader')
  const server = await auth.signDatabaseServer(['localhost', '127.0.0.1'], HOUR)
  expect(new X509Certificate(server.cert).checkIP('127.0.0.1')).toBe('127.0.0.1')
  expect(new X509Certificate(server.cert).checkIssued(new X509Certificate(server.caCerts[0]!))).toBe(true)
})

test('announced databases are listed until they end', async () => {
  const server = {
    name: 'pg',
    description: '',
    dbProtocol: 'postgres',
    uri: 'x',
    labels: {},
    hostId: 'h/1',
    hostname: 'h',
    expires: clock + 1_000,
  }
  await auth.announce(server)
  await auth.announce({ ...server, hostId: 'h2' })
  expect(await auth.databaseServers()).toHaveLength(2)
  clock += 1_000
  expect(await auth.databaseServers()).toEqual([])
})
