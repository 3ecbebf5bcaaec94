import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Portico, type Staying } from './portico.ts'

/** Tools are scripts that keep what they were given: what Portico tells them is what is tried here. */
const tools = mkdtempSync(join(tmpdir(), 'portico-tools-'))
const portico = new Portico('portico-open-')
let lab: Staying
let port: number
const env = { PATH: `${tools}${delimiter}${process.env['PATH'] ?? ''}` }

function tool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(tools, name), 0o755)
}

const given = (name: string): readonly string[] => readFileSync(join(tools, name), 'utf8').trimEnd().split('\n')

beforeAll(async () => {
  tool('dbeaver-ce', `printf '%s\\n' "$@" > '${join(tools, 'dbeaver.args')}'`)
  // A terminal without a screen: runs what it is given.
  tool('x-terminal-emulator', `shift; "$@" > '${join(tools, 'terminal.out')}' 2>&1 < /dev/null`)
  tool('psql', `printf '%s\\n' "$PGSSLMODE" "$@"`)
  lab = portico.stay(['lab', '--listen', '127.0.0.1:0', '--json'])
  const ready = await lab.line(line => line.event === 'ready')
  await portico.run(['login', '--proxy', ready.proxy, '--user', 'alice', '--ca-file', ready.caFile, '--password-stdin'], {
    input: `${ready.password}\n`,
  })
  const { tunnels } = (await portico.run(['tunnels', 'start', 'db/orders', '-p', '0', '--json'], { env })).json()
  port = tunnels[0].address.port
}, 90_000)

afterAll(async () => {
  await portico.run(['engine', 'stop'])
  await lab.end()
  portico.remove()
  rmSync(tools, { recursive: true, force: true })
}, 30_000)

it('says which programs open a database, those that are here first', async () => {
  const { tools: listed } = (await portico.run(['open', 'db/orders', '--json'], { env })).json()
  expect(listed.slice(0, 2)).toEqual([
    { id: 'psql', title: 'psql', found: true, last: false },
    { id: 'dbeaver', title: 'DBeaver', found: true, last: false },
  ])
})

it('opens DBeaver on the running tunnel with everything filled in, and remembers it', async () => {
  const opened = await portico.run(['open', 'db/orders', '--with', 'dbeaver', '--json'], { env })
  expect([opened.code, opened.err]).toEqual([0, ''])
  const [flag, spec] = given('dbeaver.args')
  expect(flag).toBe('-con')
  expect(spec!.split('|')).toEqual(
    expect.arrayContaining(['driver=postgres-jdbc', 'name=orders', 'host=localhost', `port=${port}`, 'database=shop', 'user=alice']),
  )
  const { tools: listed } = (await portico.run(['open', 'db/orders', '--json'], { env })).json()
  expect(listed[0]).toMatchObject({ id: 'dbeaver', last: true })
})

it("opens psql in the user's terminal", async () => {
  expect((await portico.run(['open', 'db/orders', '--with', 'psql'], { env })).code).toBe(0)
  const [sslMode, ...args] = given('terminal.out')
  expect(sslMode).toBe('disable')
  expect(args.join(' ')).toContain(`localhost:${port}/shop`)
})

it('says what is missing, and what there is instead', async () => {
  const unknown = await portico.run(['open', 'db/orders', '--with', 'compass', '--json'], { env })
  expect([unknown.code, unknown.json().error.code]).toEqual([4, 'tool/not-found'])
  expect(unknown.json().error.hint).toContain('dbeaver')
  const gone = await portico.run(['open', 'db/orders', '--with', 'pgadmin', '--json'], { env })
  expect([gone.code, gone.json().error.message]).toEqual([4, expect.stringContaining('pgAdmin 4 is not installed')])
})

it('says what a program said that did not start', async () => {
  tool('dbeaver-ce', 'exit 7')
  const failed = await portico.run(['open', 'db/orders', '--with', 'dbeaver', '--json'], { env })
  expect([failed.code, failed.json().error]).toEqual([1, expect.objectContaining({ code: 'tool/failed' })])
})

it('refuses what is no resource', async () => {
  for (const name of ['orders', 'node/web', 'db/']) expect((await portico.run(['open', name, '--json'], { env })).code).toBe(2)
})
