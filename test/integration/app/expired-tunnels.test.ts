import { afterAll, beforeAll, expect, it } from 'vitest'
import type { OpenTunnel } from '../../../electron/app/tunnels.ts'
import { STARTUP, tunnelsUnderTest, until, type TunnelsUnderTest } from './tunnels-under-test.ts'

const TUNNELS = 20
const EACH = 10

let world: TunnelsUnderTest
let open: OpenTunnel[]

beforeAll(async () => {
  world = await tunnelsUnderTest()
  world.life = 6_000
  // All of them at once, as a restored engine does.
  open = await Promise.all(Array.from({ length: TUNNELS }, (_, n) => world.tunnels.start(world.request(`db-${n}`))))
}, 30_000)
afterAll(() => world.close())

const waiting = (): number => world.tunnels.list().reduce((sum, tunnel) => sum + ('waiting' in tunnel ? tunnel.waiting : 0), 0)
const asked = (): number => world.events.filter(({ type }) => type === 'login-needed').length
const trouble = (id: string): string | undefined => {
  const tunnel = world.tunnels.list().find(one => one.id === id)
  return tunnel !== undefined && 'trouble' in tunnel ? tunnel.trouble?.code : undefined
}

it('asks once for 200 connections on 20 tunnels whose certificates have all ended, and lets all 200 go on after the sign-in', async () => {
  for (const answer of await Promise.all(open.map(world.client))) expect(answer.subarray(0, STARTUP.length)).toEqual(STARTUP)
  expect(world.issued).toBe(TUNNELS)
  await new Promise(resolve => setTimeout(resolve, world.life + 200))
  world.endLogin()
  const settled = Promise.allSettled(open.flatMap(tunnel => Array.from({ length: EACH }, () => world.client(tunnel))))
  await until(() => waiting() === TUNNELS * EACH, world.tunnels.list)
  expect(asked()).toBe(1)
  expect(world.tunnels.list().every(({ state }) => state === 'open')).toBe(true)

  world.life = 3_600_000
  world.signIn()
  expect((await settled).filter(({ status }) => status === 'fulfilled')).toHaveLength(TUNNELS * EACH)
  expect(asked()).toBe(1)
  // One certificate a tunnel, not one a connection.
  expect(world.issued).toBe(2 * TUNNELS)
  await until(() => waiting() === 0)
}, 40_000)

it('goes on when the proxy that went away is back, without a hand', async () => {
  const [tunnel] = open
  const { port } = world.proxy
  await world.proxy.kill()
  await expect(world.client(tunnel!)).rejects.toThrow()
  await until(() => trouble(tunnel!.id) === 'proxy/unreachable')
  expect(world.tunnels.list().every(({ state }) => state === 'open')).toBe(true)
  world.proxy = await world.openProxy(port)
  expect(await world.client(tunnel!)).toEqual(STARTUP)
  await until(() => trouble(tunnel!.id) === undefined)
})
