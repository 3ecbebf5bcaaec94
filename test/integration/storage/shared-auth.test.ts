import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseServer, LoginAnswer, Role } from '../../../electron/cluster/auth/auth.ts'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { openStorage } from '../../../electron/cluster/storage/open-storage.ts'
import type { Storage } from '../../../electron/cluster/storage/storage.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { encodeBase32, totpCode } from '../../../electron/wire/totp.ts'
import { newKeyPair, privateKeyPem, publicKeyPem, selfSignedCa } from '../../../electron/wire/x509.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { eventually, openPostgres } from './postgres-under-test.ts'

expectNoLeaks()
const server = await openPostgres()
const folder = mkdtempSync(join(tmpdir(), 'portico-shared-auth-'))
const SECRET = encodeBase32(Buffer.from('a secret of twenty b'))
const NOTHING = { logins: [], dbUsers: [], dbNames: [], dbLabels: {} }
const ACCESS: Role = { name: 'access', maxSessionTtlMs: 0, allow: { ...NOTHING, logins: ['alice'] }, deny: NOTHING }

interface Machine {
  readonly storage: Storage
  readonly auth: OpenAuth
}

describe.skipIf(server === undefined)(
  `two auth services on one PostgreSQL${server === undefined ? ' (none is installed here)' : ''}`,
  () => {
    let connString: string
    let clock = Date.now()
    const machines: Machine[] = []
    let a: Machine
    let b: Machine

    async function open(): Promise<Machine> {
      const now = (): number => clock
      const storage = await openStorage({ type: 'postgresql', connString, keyFile: join(folder, 'storage.key') }, { log: NO_LOG, now })
      const auth = await openAuth({ clusterName: 'root.example', storage, secondFactor: 'otp', log: NO_LOG, now, passwordCost: 1_024 })
      machines.push({ storage, auth })
      return { storage, auth }
    }
    const login = async (auth: OpenAuth, code = totpCode(SECRET, clock)): Promise<LoginAnswer> => {
      const { publicKey } = await newKeyPair('ecdsa-p256')
      return auth.login({
        user: 'alice',
        password: 'correct horse',
        code,
        ttlMs: 3_600_000,
        sshPublicKey: undefined,
        tlsPublicKey: publicKeyPem(publicKey),
        routeToCluster: '',
        clientIp: '127.0.0.1',
      })
    }

    beforeAll(async () => {
      connString = await server!.database()
      // The key file first: of two machines that start with none at once only one may make it.
      await (await openStorage({ type: 'postgresql', connString, keyFile: join(folder, 'storage.key') })).close()
      ;[a, b] = (await Promise.all([open(), open()])) as [Machine, Machine]
      await a.auth.createRole(ACCESS)
      await a.auth.createUser({ name: 'alice', password: 'correct horse', roles: ['access'], totpSecret: SECRET })
    })
    afterAll(async () => {
      for (const { auth, storage } of machines) {
        await auth.close()
        await storage.close()
      }
      await server!.close()
      rmSync(folder, { recursive: true, force: true })
    })

    test('use the same authorities, made once though both started at once', () => {
      for (const type of ['user', 'host', 'db'] as const) expect(b.auth.ca(type)).toEqual(a.auth.ca(type))
    })

    test('show the database no private key, no password and no secret of codes', async () => {
      const rows = JSON.stringify(await server!.query(connString, 'select * from portico_items'))
      expect(rows).toContain('cas/user')
      for (const secret of ['PRIVATE KEY', SECRET, 'totpSecret', '"hash"']) expect(rows).not.toContain(secret)
    })

    test('see users and roles of each other, and their changes', async () => {
      expect((await b.auth.user('alice'))?.roles).toEqual(['access'])
      expect(await b.auth.roles(['access'])).toEqual([ACCESS])
      await b.auth.createRole({ ...ACCESS, allow: { ...ACCESS.allow, dbUsers: ['reader'] } })
      expect((await a.auth.roles(['access']))[0]?.allow.dbUsers).toEqual(['reader'])
      expect(await b.auth.createUser({ name: 'alice', password: 'x', roles: [] })).toBe(false)
      await b.auth.createUser({ name: 'bob', password: 'x', roles: ['access'] })
      await a.auth.removeUser('bob')
      expect(await b.auth.user('bob')).toBeUndefined()
    })

    test('take a one-time code once, whichever of them is asked', async () => {
      clock += 120_000
      const tries = await Promise.allSettled(Array.from({ length: 10 }, (_, at) => login((at % 2 === 0 ? a : b).auth)))
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const one of tries) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'login/refused' })
    })

    test('list the database servers that the other one announced, until their end', async () => {
      const announced: DatabaseServer = {
        name: 'orders',
        description: '',
        dbProtocol: 'postgres',
        uri: 'db:5432',
        labels: { env: 'dev' },
        hostId: randomUUID(),
        hostname: 'one',
        expires: clock + 60_000,
      }
      await a.auth.announce(announced)
      expect(await b.auth.databaseServers()).toEqual([announced])
      await b.auth.announce({ ...announced, hostId: 'two' })
      expect(await a.auth.databaseServers()).toHaveLength(2)
      clock += 60_000
      expect(await b.auth.databaseServers()).toEqual([])
    })

    test('use an authority that the other one changed, within a second', async () => {
      const keys = await newKeyPair('ecdsa-p256')
      const cert = selfSignedCa('root.example', keys, clock)
      const item = (await a.storage.get('cas/host'))!
      const old = item.value as { tls: readonly unknown[]; ssh: readonly unknown[] }
      await a.storage.put('cas/host', { ...old, tls: [{ cert, key: privateKeyPem(keys.privateKey) }, ...old.tls] })
      for (const { auth } of [a, b]) expect(await eventually(() => auth.ca('host').tls[0] === cert)).toBeLessThan(1_000)
      expect(b.auth.ca('host')).toEqual(a.auth.ca('host'))
      // What a stranger writes there is not used.
      await server!.query(
        connString,
        `update portico_items set value = '{"tls": [], "ssh": []}', revision = nextval('portico_revision') where key = 'cas/host'`,
      )
      await b.auth.announce({
        name: 'x',
        description: '',
        dbProtocol: 'postgres',
        uri: 'x:1',
        labels: {},
        hostId: 'x',
        hostname: 'x',
        expires: clock + 1_000,
      })
      await new Promise(resolve => setTimeout(resolve, 200))
      expect(b.auth.ca('host').tls[0]).toBe(cert)
      await a.storage.put('cas/host', item.value)
      await eventually(() => b.auth.ca('host').tls[0] !== cert)
    })

    test('refuse a third machine with another key', async () => {
      const keyFile = join(folder, 'other.key')
      await (await openStorage({ type: 'postgresql', connString: await server!.database(), keyFile })).close()
      await expect(openStorage({ type: 'postgresql', connString, keyFile })).rejects.toMatchObject({
        code: 'cluster/config',
        facts: { file: keyFile },
      })
      expect((await login(b.auth, ((clock += 120_000), totpCode(SECRET, clock)))).user).toBe('alice')
    })
  },
)
