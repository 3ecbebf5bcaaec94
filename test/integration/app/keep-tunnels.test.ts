import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { openAuthSessions } from '../../../electron/app/auth-sessions.ts'
import { keepTunnels, type KeptTunnels } from '../../../electron/app/keep-tunnels.ts'
import { tunnelsUnderTest, until, type TunnelsUnderTest } from './tunnels-under-test.ts'

/** A real disk of 1 MB; only root may mount one. */
const disk = mkdtempSync(join(tmpdir(), 'pk-'))
const mounts =
  process.platform === 'linux' &&
  process.getuid?.() === 0 &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0 &&
  spawnSync('umount', [disk]).status === 0

let world: TunnelsUnderTest
let kept: KeptTunnels
let isMounted = false

const openWorld = async (root?: string): Promise<void> => {
  world = await tunnelsUnderTest(root)
  kept = keepTunnels({
    context: world.context,
    sessions: openAuthSessions(world.context),
    tunnels: world.tunnels,
    signal: new AbortController().signal,
  })
  world.changes.listener = kept.changed
}
const names = (): string[] => world.context.profiles.tunnels().map(({ name }) => name)

beforeEach(() => {
  isMounted = false
})
afterEach(async () => {
  await kept.close()
  if (isMounted) spawnSync('mount', ['-o', 'remount,rw', disk])
  await world.close().catch(() => {})
  if (isMounted) spawnSync('umount', ['-l', disk])
})
afterAll(() => rmSync(disk, { recursive: true, force: true }))

it('starts 50 at once, each on its port, and remembers them all', async () => {
  await openWorld()
  const wanted = Array.from({ length: 50 }, (_, n) => `db-${n}`)
  const open = await Promise.all(wanted.map(name => world.tunnels.start(world.request(name))))
  expect(new Set(open.map(({ port }) => port)).size).toBe(50)
  await until(() => names().length === 50, names)
  expect(names()).toEqual(wanted)
}, 30_000)

it('takes clicks on one row as they come: the same start twice, a stop while it starts, a restart', async () => {
  await openWorld()
  const [one, two] = await Promise.all([world.tunnels.start(world.request('a')), world.tunnels.start(world.request('a'))])
  expect(two.id).toBe(one.id)
  const restarts = await Promise.allSettled([world.tunnels.restart(one.id), world.tunnels.restart(one.id)])
  expect(restarts.map(({ status }) => status)).toContain('fulfilled')
  expect(world.tunnels.list()).toHaveLength(1)
  await until(() => names().length === 1, names)

  const [{ id } = { id: '' }] = world.tunnels.list() as readonly { id: string }[]
  await world.tunnels.stop(id)
  const starting = world.tunnels.start(world.request('a'))
  const [shown] = world.tunnels.list()
  await Promise.all([world.tunnels.stop(shown!.id), expect(starting).rejects.toMatchObject({ code: 'app/cancelled' })])
  expect(world.tunnels.list()).toEqual([])
  await until(() => names().length === 0, names)
})

it('does not bring back what never opened, nor what was stopped; what closes with the engine it does', async () => {
  await openWorld()
  const good = await world.tunnels.start(world.request('good'))
  const gone = await world.tunnels.start(world.request('gone'))
  await world.tunnels.start({ ...world.request('taken'), port: good.port }).catch(() => {})
  await world.tunnels.stop(gone.id)
  await until(() => names().join() === 'good', names)
  await kept.close()
  await world.tunnels.close(0)
  expect(names()).toEqual(['good'])
  expect(world.context.profiles.tunnels()[0]).toMatchObject({ port: good.port, databaseUser: 'reader' })
})

it.runIf(mounts)(
  'opens tunnels on a full and on a read-only disk, and goes on when there is room',
  async () => {
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status).toBe(0)
    isMounted = true
    await openWorld(disk)
    await world.tunnels.start(world.request('before'))
    await until(() => names().join() === 'before', names)
    expect(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(2_000_000))).toThrow('ENOSPC')
    const full = await world.tunnels.start(world.request('full'))
    expect((await world.client(full)).length).toBeGreaterThan(0)
    expect(names()).toEqual(['before'])
    rmSync(join(disk, 'filler'))
    // Refused while a file is being written.
    await until(() => spawnSync('mount', ['-o', 'remount,ro', disk]).status === 0)
    const readOnly = await world.tunnels.start(world.request('read-only'))
    expect((await world.client(readOnly)).length).toBeGreaterThan(0)
    expect(spawnSync('mount', ['-o', 'remount,rw', disk]).status).toBe(0)
    await world.tunnels.start(world.request('after'))
    await until(() => names().length === 4, names)
  },
  30_000,
)
