import { X509Certificate } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuthApi, LoginResult } from '../../../electron/client/client.ts'
import { logIn, type LogIn } from '../../../electron/client/log-in.ts'
import { lookAtProxy } from '../../../electron/client/look-at-proxy.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import { decodeIdentity } from '../../../electron/wire/identity.ts'
import { totpCode } from '../../../electron/wire/totp.ts'
import { caPin } from '../../../electron/wire/x509.ts'
import { formatAddress } from '../../../shared/address.ts'
import { openSmallCluster, PASSWORD, TOTP_SECRET, type SmallCluster } from './small-cluster.ts'

const HOUR = 3_600_000
let cluster: SmallCluster

async function signIn(more: Partial<LogIn> = {}): Promise<LoginResult> {
  const { proxy, trust } = cluster
  const ping = await lookAtProxy(formatAddress(proxy), trust)
  return logIn({ proxy, ping, user: 'alice', password: PASSWORD, trust, ...more })
}
function openApi(login: LoginResult, more: Partial<Parameters<typeof openAuthApi>[0]> = {}): Promise<AuthApi> {
  return openAuthApi({ proxy: cluster.proxy, rootCluster: 'small', cluster: 'small', login: login.files, hostCas: login.hostCas, ...more })
}

describe('a cluster that wants a password', () => {
  beforeAll(async () => {
    cluster = await openSmallCluster('off')
  })
  afterAll(() => cluster.close())

  it('gives a sign-in of the wished length with the identity of the user', async () => {
    const login = await signIn({ ttlMs: HOUR })
    const { identity, notAfter } = decodeIdentity(login.files.tlsCert)
    expect(login.user).toBe('alice')
    expect(identity).toMatchObject({ username: 'alice', roles: ['all'], teleportCluster: 'small', databaseUsers: ['*'] })
    expect(Math.abs(notAfter - Date.now() - HOUR)).toBeLessThan(60_000)
    expect(login.hostCas.map(ca => ca.cluster)).toEqual(['small'])
  })

  it('takes the two keys of newer servers too', async () => {
    const ping = await lookAtProxy(formatAddress(cluster.proxy), cluster.trust)
    const login = await signIn({ ping: { ...ping, serverVersion: '17.0.0' } })
    expect(login.files.sshCert).toMatch(/^ssh-ed25519-cert-v01/)
    expect(new X509Certificate(login.files.tlsCert).publicKey.asymmetricKeyType).toBe('ec')
    const api = await openApi(login)
    expect(
      await api.databaseCertificate(
        { cluster: 'small', name: 'orders', dbProtocol: 'postgres', databaseUser: 'a', databaseName: 'b' },
        Date.now() + HOUR,
      ),
    ).toContain('BEGIN CERTIFICATE')
    api.close()
  })

  it('refuses a wrong password and an unknown user in the same words', async () => {
    for (const wrong of [{ password: 'wrong' }, { user: 'nobody' }]) {
      await expect(signIn(wrong)).rejects.toMatchObject({ code: 'login/refused', facts: { why: 'invalid username or password' } })
    }
  })

  it('is accepted by the pin of its host CA alone, before and after the sign-in', async () => {
    const pinned = { extraRoots: [], caPin: caPin(cluster.auth.ca('host').tls[0]!), insecure: false }
    expect((await signIn({ trust: pinned })).user).toBe('alice')
    await expect(signIn({ trust: { ...cluster.trust, caPin: `sha256:${'0'.repeat(64)}` } })).rejects.toMatchObject({
      code: 'proxy/pin-mismatch',
    })
  })

  it('lists its databases as the roles allow, by words and by predicate', async () => {
    const api = await openApi(await signIn())
    const all = await api.listDatabases()
    expect(all.map(database => database.name)).toEqual(['archive', 'metrics', 'orders'])
    expect(all[2]).toMatchObject({
      cluster: 'small',
      dbProtocol: 'postgres',
      description: 'the orders',
      uri: 'localhost:5432',
      agents: [expect.any(String)],
    })
    expect(all[2]!.labels).toMatchObject({ env: 'dev' })
    expect((await api.listDatabases({ search: ['metr'] })).map(database => database.name)).toEqual(['metrics'])
    expect((await api.listDatabases({ predicate: 'labels["env"] == "prod"' })).map(database => database.name)).toEqual(['archive'])
    await expect(api.listDatabases({ predicate: 'labels[' })).rejects.toMatchObject({ code: 'usage/invalid' })
    api.close()
    const bobs = await openApi(await signIn({ user: 'bob' }))
    expect((await bobs.listDatabases()).map(database => database.name)).toEqual(['metrics', 'orders'])
    bobs.close()
  })

  it('gives a certificate for one database, no longer than the sign-in', async () => {
    const login = await signIn({ ttlMs: HOUR })
    const api = await openApi(login)
    const route = { cluster: 'small', name: 'orders', dbProtocol: 'postgres', databaseUser: 'reader', databaseName: 'shop' }
    const { identity, notAfter } = decodeIdentity(await api.databaseCertificate(route, Date.now() + 30 * HOUR))
    expect(identity).toMatchObject({
      usage: ['usage:db'],
      routeToDatabase: { ServiceName: 'orders', Protocol: 'postgres', Username: 'reader', Database: 'shop' },
    })
    expect(notAfter).toBeLessThanOrEqual(decodeIdentity(login.files.tlsCert).notAfter)
    await expect(api.databaseCertificate(route, Date.now() - HOUR)).rejects.toMatchObject({ code: 'login/expired' })
    api.close()
  })

  it('tells the host CAs of all clusters', async () => {
    const login = await signIn()
    const api = await openApi(login)
    expect(await api.hostCas()).toEqual(login.hostCas)
    api.close()
  })

  it('answers many calls at once over one connection, and none after close', async () => {
    const api = await openApi(await signIn())
    const lists = await Promise.all(Array.from({ length: 50 }, () => api.listDatabases()))
    expect(lists.every(list => list.length === 3)).toBe(true)
    api.close()
    await expect(api.listDatabases()).rejects.toMatchObject({ code: 'app/cancelled' })
  })

  it('lets a call be cancelled', async () => {
    const api = await openApi(await signIn())
    const abort = new AbortController()
    const call = api.listDatabases({}, abort.signal)
    abort.abort()
    await expect(call).rejects.toMatchObject({ code: 'app/cancelled' })
    expect(await api.listDatabases()).toHaveLength(3)
    api.close()
  })

  it('does not take its auth service from another authority', async () => {
    const [login, other] = [await signIn(), await openSmallCluster('off')]
    const foreign = [{ cluster: 'small', tls: other.auth.ca('host').tls, ssh: [] }]
    await expect(openApi(login, { hostCas: foreign })).rejects.toMatchObject({ code: 'proxy/untrusted' })
    await expect(openApi(login, { hostCas: [] })).rejects.toMatchObject({ code: 'proxy/untrusted' })
    await other.close()
  })

  it('closes on a cluster it does not know', async () => {
    await expect(openApi(await signIn(), { cluster: 'nowhere' })).rejects.toMatchObject({ code: 'proxy/refused' })
  })

  it('does not let a certificate of another cluster in', async () => {
    const here = cluster
    const other = await openSmallCluster('off')
    cluster = other
    const login = await signIn()
    cluster = here
    const api = openApi({ ...login, hostCas: [{ cluster: 'small', tls: here.auth.ca('host').tls, ssh: [] }] }).then(opened =>
      opened.listDatabases(),
    )
    await expect(api).rejects.toMatchObject({ code: expect.stringMatching(/^(login\/expired|proxy\/refused)$/) })
    await other.close()
  })

  it('limits how often one may try', async () => {
    // Two small keys instead of an RSA one: only the counting matters here.
    const ping = { ...(await lookAtProxy(formatAddress(cluster.proxy), cluster.trust)), serverVersion: '17.0.0' }
    const tries = await Promise.allSettled(Array.from({ length: 25 }, () => signIn({ ping, user: 'nobody' })))
    const codes = new Set(tries.map(result => (result.status === 'rejected' ? (result.reason as { code: string }).code : 'ok')))
    expect(codes).toContain('login/too-many-tries')
  })
})

describe('a cluster that wants a code', () => {
  beforeAll(async () => {
    cluster = await openSmallCluster('otp')
  })
  afterAll(() => cluster.close())

  it('takes a code once', async () => {
    const code = totpCode(TOTP_SECRET, Date.now())
    expect((await signIn({ code })).user).toBe('alice')
    await expect(signIn({ code })).rejects.toMatchObject({
      code: 'login/refused',
      facts: { why: 'invalid username, password or second factor' },
    })
  })

  it('says that it wants one before it is asked', async () => {
    await expect(signIn()).rejects.toMatchObject({ code: 'login/code-needed' })
    await expect(signIn({ code: '000000' })).rejects.toMatchObject({ code: 'login/refused' })
  })

  it('takes it by begin and finish too', async () => {
    const ping = await lookAtProxy(formatAddress(cluster.proxy), cluster.trust)
    const optional = { ping: { ...ping, secondFactor: 'on' }, user: 'bob' }
    await expect(signIn(optional)).rejects.toMatchObject({ code: 'login/code-needed' })
    expect((await signIn({ ...optional, code: totpCode(TOTP_SECRET, Date.now()) })).user).toBe('bob')
  })
})

describe('a sign-in that ended', () => {
  it('is told apart from other refusals, on an open connection and on a new one', async () => {
    let ahead = 0
    const now = (): number => Date.now() + ahead
    cluster = await openSmallCluster('off', now)
    const login = await signIn({ ttlMs: HOUR, now })
    const api = await openApi(login, { now })
    expect(await api.listDatabases()).toHaveLength(3)
    ahead = 2 * HOUR
    await expect(openApi(login, { now }).then(opened => opened.listDatabases())).rejects.toMatchObject({ code: 'login/expired' })
    api.close()
    await cluster.close()
  })
})
