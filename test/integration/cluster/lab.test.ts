import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { LAB_LISTEN, resetLab, startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { totpCode } from '../../../electron/wire/totp.ts'
import { certificateFor, openLocalPort, run } from './lab-client.ts'
import { LAB_NAMES } from '../../kit/lab-databases.ts'

const home = join(mkdtempSync(join(tmpdir(), 'portico lab – täst ')), 'lab')
const open: Lab[] = []
afterAll(async () => {
  for (const lab of open) await lab.close(0)
  await resetLab(home)
  rmSync(join(home, '..'), { recursive: true, force: true })
}, 30_000)

async function start(more: Partial<Parameters<typeof startLab>[0]> = {}): Promise<Lab> {
  const lab = await startLab({ home, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG, ...more })
  open.push(lab)
  return lab
}

async function ask(lab: Lab, sql: string): Promise<string> {
  const port = await openLocalPort(lab, await certificateFor(lab, 'alice', { ServiceName: 'orders', Username: 'alice', Database: 'shop' }))
  const end = await run('psql', [`host=127.0.0.1 port=${port.port} user=alice dbname=shop`, '-X', '-Atc', sql])
  port.close()
  return end.stdout + end.stderr
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test('the first start tells its steps and leaves what others need', async () => {
  const steps: string[] = []
  const lab = await start({ onProgress: step => steps.push(step) })
  expect(steps).toContain('Filling orders')
  expect(lab).toMatchObject({
    cluster: 'lab',
    user: 'alice',
    databases: LAB_NAMES,
    nodes: [],
    kubeClusters: [],
    apps: [],
    leaves: [],
  })
  expect(lab.proxy).toBe(`localhost:${lab.running.address.port}`)
  expect(lab.users.map(({ name, otpSecret, roles }) => ({ name, otpSecret, roles }))).toEqual([
    { name: 'alice', otpSecret: null, roles: ['owner', 'developer'] },
    { name: 'bob', otpSecret: null, roles: ['developer'] },
  ])
  const ready = JSON.parse(readFileSync(join(home, 'ready.json'), 'utf8'))
  expect(ready).toMatchObject({ event: 'ready', proxy: lab.proxy, caFile: lab.caFile, user: 'alice', password: lab.password })
  for (const file of ['ready.json', 'portico.yaml', 'users/alice.password']) expect(statSync(join(home, file)).mode & 0o77).toBe(0)
  expect(await ask(lab, 'create table kept as select 1 as one; select count(*) from customers')).toContain('5000')
}, 90_000)

test('a second lab on the home is refused, naming the pid', async () => {
  await expect(start()).rejects.toMatchObject({ code: 'lab/running', facts: { pid: process.pid } })
  await expect(resetLab(home)).rejects.toMatchObject({ code: 'lab/running' })
})

test('stopping it leaves no server, no lock and no ready line', async () => {
  const pid = Number(readFileSync(join(postgresData(), 'postmaster.pid'), 'utf8').split('\n')[0])
  expect(isAlive(pid)).toBe(true)
  await open[0]!.close(0)
  expect(isAlive(pid)).toBe(false)
  expect(existsSync(join(home, 'lab.lock'))).toBe(false)
  expect(existsSync(join(home, 'ready.json'))).toBe(false)
})

test('data, users and authorities survive a restart, and a warm start is quick', async () => {
  const before = { ca: readFileSync(open[0]!.caFile, 'utf8'), users: open[0]!.users }
  const began = performance.now()
  const lab = await start()
  expect(performance.now() - began).toBeLessThan(5_000)
  expect(readFileSync(lab.caFile, 'utf8')).toBe(before.ca)
  expect(lab.users).toEqual(before.users)
  expect(await ask(lab, 'select one from kept')).toBe('1\n')
  await lab.close(0)
}, 30_000)

test('a server and a lock that a killed lab left are cleared away', async () => {
  const lab = await start()
  const pid = Number(readFileSync(join(postgresData(), 'postmaster.pid'), 'utf8').split('\n')[0])
  process.kill(pid, 'SIGKILL')
  await lab.postgres.ended
  await lab.close(0)
  const again = await start()
  expect(await ask(again, 'select one from kept')).toBe('1\n')
  await again.close(0)
}, 40_000)

test('with one-time codes the secret is told and works', async () => {
  const lab = await start({ secondFactor: 'otp', certTtlMs: 3_000 })
  const [alice] = lab.users
  expect(lab.running.auth.secondFactor).toBe('otp')
  const code = totpCode(alice!.otpSecret!, Date.now())
  const answer = await lab.running.auth.login({
    user: 'alice',
    password: alice!.password,
    code,
    ttlMs: 3_600_000,
    sshPublicKey: undefined,
    tlsPublicKey: undefined,
    routeToCluster: '',
    clientIp: '127.0.0.1',
  })
  expect(answer.user).toBe('alice')
  await lab.close(0)
}, 30_000)

test('when the usual port is taken another one is used', async () => {
  const taken = createServer()
  await new Promise<void>(resolve => {
    taken.once('error', () => resolve()).listen(LAB_LISTEN.port, LAB_LISTEN.host, () => resolve())
  })
  const lab = await start({ listen: undefined })
  expect(lab.running.address.port).not.toBe(LAB_LISTEN.port)
  await lab.close(0)
  taken.close()
}, 30_000)

test('when the usual port is taken while the lab starts, too', async () => {
  const taken = createServer().once('error', () => {})
  const lab = await start({
    listen: undefined,
    onProgress(step) {
      if (step === 'Starting PostgreSQL') taken.listen(LAB_LISTEN.port, LAB_LISTEN.host)
    },
  })
  expect(lab.running.address.port).not.toBe(LAB_LISTEN.port)
  expect(lab.proxy).toBe(`localhost:${lab.running.address.port}`)
  await lab.close(0)
  taken.close()
}, 30_000)

test('a reset lab starts anew', async () => {
  await resetLab(home)
  expect(existsSync(home)).toBe(false)
  await resetLab(home)
})

/** Inside the lab, or as root where the unprivileged account may go. */
function postgresData(): string {
  if (process.getuid?.() !== 0) return join(home, 'postgres', 'data')
  return join('/var/tmp', `portico-lab-${createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 12)}`, 'data')
}
