import { expect, it } from 'vitest'
import { openCredentials, type CredentialEvent, type Login } from '../../../electron/app/credentials.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Credentials } from '../../../electron/engine/engine.ts'

const ROUTE = { cluster: 'lab', name: 'orders', dbProtocol: 'postgres', databaseUser: 'alice', databaseName: 'shop' }
const HOUR = 3_600_000

function set(login: Login | undefined = { validUntil: 12 * HOUR, fingerprint: 'first' }) {
  const world = {
    login,
    now: 0,
    issued: 0,
    events: [] as CredentialEvent[],
    certificate: async (expires: number): Promise<Credentials> => ({ key: 'key', cert: `cert ${world.issued}`, notAfter: expires }),
  }
  const office = openCredentials({
    login: () => world.login,
    now: () => world.now,
    askCode: () => Promise.reject(new Error('nobody is asked here')),
    onEvent: event => void world.events.push(event),
    async issue(_proxy, _route, expires) {
      world.issued += 1
      await Promise.resolve()
      return world.certificate(expires)
    },
  })
  office.bind('t1', 'proxy:443', ROUTE)
  return { world, office }
}

it('asks once however many connections of however many tunnels wait', async () => {
  const { world, office } = set()
  office.bind('t2', 'proxy:443', ROUTE)
  const got = await Promise.all(Array.from({ length: 200 }, (_, n) => office.credentials(n % 2 === 0 ? 't1' : 't2')))
  expect(world.issued).toBe(1)
  expect(new Set(got).size).toBe(1)
})

it('keeps a certificate that ends with the login until that end', async () => {
  const { world, office } = set()
  await office.credentials('t1')
  world.now = 12 * HOUR - 1
  await office.credentials('t1')
  expect(world.issued).toBe(1)
})

it('renews a certificate that a role cut short, shortly before its end', async () => {
  const { world, office } = set()
  world.certificate = async () => ({ key: 'key', cert: `cert ${world.issued}`, notAfter: world.now + HOUR })
  await office.credentials('t1')
  world.now = HOUR - 120_000
  await office.credentials('t1')
  expect(world.issued).toBe(1)
  world.now = HOUR - 30_000
  await office.credentials('t1')
  expect(world.issued).toBe(2)
})

it('renews after a new sign-in, which ends later', async () => {
  const { world, office } = set()
  await office.credentials('t1')
  world.login = { validUntil: 24 * HOUR, fingerprint: 'second' }
  expect((await office.credentials('t1')).notAfter).toBe(24 * HOUR)
})

it('never gives a refused certificate again, and asks for a new one only so often', async () => {
  const { world, office } = set()
  const first = await office.credentials('t1')
  const second = await office.credentials('t1', first.cert)
  expect(second.cert).not.toBe(first.cert)
  // An older connection reports the first one late: nothing new is asked for.
  expect(await office.credentials('t1', first.cert)).toBe(second)
  await expect(office.credentials('t1', second.cert)).rejects.toMatchObject({ code: 'proxy/refused' })
  expect(world.issued).toBe(2)
})

it('holds everything while a login is needed, asks once, and lets all go on', async () => {
  const { world, office } = set({ validUntil: 0, fingerprint: 'old' })
  office.bind('t2', 'proxy:443', { ...ROUTE, name: 'metrics' })
  const waiting = Array.from({ length: 200 }, (_, n) => office.credentials(n % 2 === 0 ? 't1' : 't2'))
  await new Promise(resolve => setImmediate(resolve))
  office.signedIn('proxy:443') // nobody really signed in: nothing moves
  await new Promise(resolve => setImmediate(resolve))
  expect(world.issued).toBe(0)
  world.login = { validUntil: HOUR, fingerprint: 'new' }
  office.signedIn('proxy:443')
  await Promise.all(waiting)
  expect(world.issued).toBe(2)
  expect(world.events.filter(({ type }) => type === 'login-needed')).toHaveLength(1)
})

it('believes the cluster when it says that a login ended', async () => {
  const { world, office } = set()
  world.certificate = async () => {
    throw new PorticoError('login/expired', {})
  }
  const waiting = office.credentials('t1')
  await new Promise(resolve => setImmediate(resolve))
  expect(world.events).toEqual([{ type: 'login-needed', proxy: 'proxy:443' }])
  world.certificate = async expires => ({ key: 'key', cert: 'new', notAfter: expires })
  world.login = { validUntil: 13 * HOUR, fingerprint: 'new' }
  office.signedIn('proxy:443')
  expect((await waiting).cert).toBe('new')
})

it('tells every waiter of a failure, and tries again for the next one', async () => {
  const { world, office } = set()
  world.certificate = async () => {
    throw new PorticoError('access/denied', {})
  }
  const results = await Promise.allSettled([office.credentials('t1'), office.credentials('t1')])
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(world.issued).toBe(1)
  world.certificate = async expires => ({ key: 'key', cert: 'good', notAfter: expires })
  expect((await office.credentials('t1')).cert).toBe('good')
})

it('lets go what waits for a tunnel that is stopped', async () => {
  const { office } = set({ validUntil: 0, fingerprint: 'old' })
  const waiting = office.credentials('t1')
  await new Promise(resolve => setImmediate(resolve))
  office.unbind('t1')
  await expect(waiting).rejects.toMatchObject({ code: 'app/cancelled' })
})

it('forgets certificates of a login that was ended', async () => {
  const { world, office } = set()
  await office.credentials('t1')
  office.signedOut('proxy:443')
  await office.credentials('t1')
  expect(world.issued).toBe(2)
})
