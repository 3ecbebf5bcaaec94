import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Portico, type Ran, type Staying } from '../cli/portico.ts'
import { run } from './world.ts'

/** What `db connect`, `env`, `config` and `login --write` tell the clients of the lab's other databases, given to the real ones. */
describe('clients that Portico tells where to go', () => {
  const portico = new Portico('portico told é ')
  const env = { HOME: portico.home }
  let lab: Staying
  let ready: any

  const ask = (...args: string[]): Promise<Ran> => portico.run(args, { env })
  const shell = (command: string) => run('/bin/sh', ['-c', command], env)
  const tunnel = async (...args: string[]) => {
    const staying = portico.stay(['proxy', 'db', ...args, '--json'], env)
    return { open: await staying.line(line => line.event === 'open'), end: () => staying.end() }
  }
  /** The lab takes along the servers that this machine has. */
  const needs = (database: string, skip: (why: string) => void): void => {
    if (!ready.databases.includes(database)) skip(`the lab has no "${database}": its server is not on this machine`)
  }

  beforeAll(async () => {
    lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
    ready = await lab.line(line => line.event === 'ready')
    const flags = ['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin']
    expect((await portico.run(flags, { input: `${ready.password}\n` })).code).toBe(0)
  }, 90_000)
  afterAll(async () => {
    await lab.end()
    portico.remove()
  }, 30_000)

  it('redis-cli: on a tunnel, through its own TLS, and straight to the proxy', async ({ skip }) => {
    needs('sessions', skip)
    expect(await ask('db', 'connect', 'sessions', '--', 'PING')).toMatchObject({ code: 0, out: 'PONG\n' })
    const straight = (await ask('db', 'config', 'sessions', '--format', 'cmd', '--quiet')).out.trim()
    expect(straight).toContain(`-p ${ready.proxy.split(':')[1]} --tls`)
    expect(await shell(`${straight} PING`)).toMatchObject({ code: 0, out: 'PONG\n' })
    const { open, end } = await tunnel('sessions', '--passthrough')
    expect(await shell(`${open.command} PING`)).toMatchObject({ code: 0, out: 'PONG\n' })
    expect(await end()).toBe(0)
    expect((await ask('db', 'env', 'sessions')).code).toBe(1)
    expect((await ask('db', 'login', 'sessions', '--write')).code).toBe(1)
  }, 60_000)

  it('mariadb: on a tunnel, by variables, through its own TLS, and by a section of ~/.my.cnf', async ({ skip }) => {
    needs('shopfront', skip)
    const who = ['-N', '-B', '-e', "select substring_index(current_user(), '@', 1), database()"]
    expect(await ask('db', 'connect', 'shopfront', '--', ...who)).toMatchObject({ code: 0, out: 'alice\tshopfront\n' })
    expect((await ask('db', 'connect', 'shopfront', '--', '-e', 'select nothing')).code).toBe(1)

    const plain = await tunnel('shopfront')
    const variables = (await ask('db', 'env', 'shopfront', '--quiet')).out
    const asked = await shell(`${variables}\nmariadb --no-defaults --user=alice -N -B -e 'select 7'`)
    expect(asked).toMatchObject({ code: 0, out: '7\n' })
    expect(await plain.end()).toBe(0)

    const own = '[client]\n# mine\n'
    writeFileSync(join(portico.home, '.my.cnf'), own)
    const { open, end } = await tunnel('shopfront', '--passthrough')
    for (const command of [open.command, (await ask('db', 'config', 'shopfront', '--format', 'cmd', '--quiet')).out.trim()])
      expect(await shell(`${command} -N -B -e 'select 8'`)).toMatchObject({ code: 0, out: '8\n' })
    expect((await ask('db', 'login', 'shopfront', '--write', '--json')).json().written.section).toBe('client_lab-shopfront')
    const suffix = (await ask('db', 'env', 'shopfront', '--json')).json()
    expect(suffix).toEqual({ MYSQL_GROUP_SUFFIX: '_lab-shopfront' })
    expect(await run('/usr/bin/mariadb', who, { ...env, ...suffix })).toMatchObject({ code: 0, out: 'alice\tshopfront\n' })
    expect((await ask('db', 'logout', 'shopfront')).code).toBe(0)
    expect(readFileSync(join(portico.home, '.my.cnf'), 'utf8')).toBe(own)
    expect(await end()).toBe(0)
  }, 90_000)
})
