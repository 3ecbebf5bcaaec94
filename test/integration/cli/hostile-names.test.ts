import { execFileSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { Portico, type Staying } from './portico.ts'

const portico = new Portico('portico hostile ')
const PWNED = join(portico.home, 'pwned')
/** What a server may call an account, a database or a label: for a shell, for a terminal, for a URL. */
const USER = `o'br"ien $(touch ${PWNED}) \`touch ${PWNED}\` \\ @:/?#&%`
const ESCAPES = 'red \u001b[31m\u009b2J \u202eevil\u0007'
let cluster: Staying
let ready: any

beforeAll(async () => {
  const file = join(portico.home, 'portico.yaml')
  writeFileSync(join(portico.home, 'password'), 'secret-enough\n', { mode: 0o600 })
  writeFileSync(
    file,
    stringify({
      version: 'v3',
      teleport: { nodename: 'host', data_dir: join(portico.home, 'cluster') },
      auth_service: { enabled: true, cluster_name: 'hostile', authentication: { type: 'local', second_factor: 'off' } },
      proxy_service: { enabled: true, web_listen_addr: '127.0.0.1:0', public_addr: 'localhost' },
      db_service: {
        enabled: true,
        databases: [
          {
            name: 'db',
            description: ESCAPES,
            protocol: 'postgres',
            uri: '127.0.0.1:1',
            static_labels: { note: ESCAPES, 'portico/database': USER },
          },
        ],
      },
      portico: {
        roles: [{ name: 'all', allow: { db_users: [USER], db_names: ['*'], db_labels: { '*': '*' } } }],
        users: [{ name: 'alice', roles: ['all'], logins: [], password_file: join(portico.home, 'password') }],
      },
    }),
  )
  cluster = portico.stay(['cluster', 'start', '-c', file, '--json'])
  ready = await cluster.line(line => line.event === 'ready')
  const login = await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile], {
    env: { PORTICO_PASSWORD: 'secret-enough' },
  })
  expect(login).toMatchObject({ code: 0 })
}, 60_000)

afterAll(async () => {
  expect(await cluster.end()).toBe(0)
  expect(existsSync(PWNED)).toBe(false)
  portico.remove()
}, 30_000)

// oxlint-disable-next-line no-control-regex
const RAW = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/

it('sends none of their control characters to a terminal', async () => {
  for (const flags of [[], ['--json']]) {
    const { code, out } = await portico.run(['db', 'ls', ...flags])
    expect(code).toBe(0)
    expect(out).not.toMatch(RAW)
    expect(out).toContain('evil')
  }
  expect((await portico.run(['db', 'ls', '--json'])).json().databases[0].description).toBe(ESCAPES)
})

it('sets variables of a shell to exactly what the server said', async () => {
  const { out } = await portico.run(['db', 'env', 'db'])
  const read = execFileSync('sh', ['-c', `${out}\nprintf '%s\\n%s' "$PGUSER" "$PGDATABASE"`], { encoding: 'utf8' })
  expect(read).toBe(`${USER}\n${USER}`)
})

it('runs nothing of theirs in a command line that is pasted into a shell', async () => {
  const { out } = await portico.run(['db', 'config', 'db', '--format', 'cmd'])
  const url = execFileSync('sh', ['-c', `psql() { printf %s "$1"; }\n${out}`], { encoding: 'utf8' })
  expect(decodeURIComponent(new URL(url).username)).toBe(USER)
  expect(decodeURIComponent(new URL(url).pathname.slice(1))).toBe(USER)
})

it('tells what it would announce, and its routes as data', async () => {
  const file = join(portico.home, 'portico.yaml')
  expect((await portico.run(['cluster', 'check', '-c', file, '--json'])).json()).toMatchObject({
    cluster: 'hostile',
    databases: [{ name: 'db', protocol: 'postgres' }],
    users: ['alice'],
  })
  const { routes } = (await portico.run(['cluster', 'routes', '--json'])).json()
  expect(routes.map((route: any) => route.handler)).toEqual(expect.arrayContaining(['web', 'auth', 'postgres']))
  writeFileSync(file, 'version: v9\n')
  const wrong = await portico.run(['cluster', 'check', '-c', file, '--json'])
  expect([wrong.code, wrong.json().error.code]).toEqual([1, 'cluster/config'])
})
