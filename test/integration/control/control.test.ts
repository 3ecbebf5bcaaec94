import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { App } from '../../../electron/app/open-app.ts'
import { connectEngine } from '../../../electron/control/connect-engine.ts'
import { serveControl } from '../../../electron/control/serve-control.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import type { Home } from '../../../electron/state/home.ts'
import { contract, isQuestion, SHELL_QUESTIONS } from '../../../shared/contract.ts'
import type { Change } from '../../../shared/state.ts'
import { emptyHome, engineOf, rawFace } from './engine-under-test.ts'

const isUnix = process.platform !== 'win32'
let home: Home
let remove: () => void
let engine: App | undefined
const socketOf = (): string => JSON.parse(readFileSync(join(home.root, 'engine.json'), 'utf8')).socket as string

beforeEach(() => {
  ;({ home, remove } = emptyHome())
})
afterEach(async () => {
  await engine?.close()
  engine = undefined
  remove()
})

it('answers the contract, and nothing answers in a home without an engine', async () => {
  expect(await connectEngine(home)).toBeUndefined()
  engine = await engineOf(home)
  const client = (await connectEngine(home))!
  expect(client.hello).toMatchObject({ pid: process.pid, host: 'headless', version: '1.2.3', stopping: false })
  const { state } = await client.ask('state.read', {})
  expect(state).toMatchObject({ session: { state: 'none' }, tunnels: [], engine: { pid: process.pid, host: 'headless', version: '1.2.3' } })
  await expect(client.ask('tunnel.stop', { tunnel: 'x' })).resolves.toEqual({})
  await expect(client.ask('tunnel.restart', { tunnel: 'x' })).rejects.toMatchObject({ code: 'tunnel/not-found', facts: { tunnel: 'x' } })
  await expect(client.ask('profile.use', { proxy: 'nowhere:1' })).rejects.toMatchObject({ code: 'profile/not-found' })
  client.close()
  await client.ended
})

it.runIf(isUnix)('lets nobody else in: socket and its note 0600, its folder 0700', async () => {
  engine = await engineOf(home)
  const socket = socketOf()
  expect(statSync(socket).mode & 0o777).toBe(0o600)
  expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700)
  expect(statSync(join(home.root, 'engine.json')).mode & 0o777).toBe(0o600)
})

it.runIf(isUnix && process.getuid?.() === 0)('refuses another user at the door', async () => {
  engine = await engineOf(home)
  const script = `require('net').connect(${JSON.stringify(socketOf())}).on('error', e => process.exit(e.code === 'EACCES' ? 7 : 8)).on('connect', () => process.exit(9))`
  expect(spawnSync(process.execPath, ['-e', script], { uid: 65_534, gid: 65_534 }).status).toBe(7)
})

it('is the lock of its home: a second engine is refused with the pid of the first, and may come after it', async () => {
  engine = await engineOf(home)
  await expect(engineOf(home)).rejects.toMatchObject({ code: 'engine/running', facts: { pid: process.pid } })
  expect((await (await connectEngine(home))!.ask('state.read', {})).state.tunnels).toEqual([])
  const socket = socketOf()
  await engine.close()
  expect(existsSync(socket)).toBe(false)
  expect(existsSync(join(home.root, 'engine.json'))).toBe(false)
  engine = await engineOf(home)
})

it('lets exactly one of many that start at once become the engine', async () => {
  const started = await Promise.allSettled(Array.from({ length: 8 }, () => engineOf(home)))
  const won = started.filter(one => one.status === 'fulfilled')
  expect(won).toHaveLength(1)
  engine = won[0]!.value
  for (const one of started) if (one.status === 'rejected') expect(one.reason).toMatchObject({ code: 'engine/running' })
})

it.runIf(isUnix)('replaces the socket of an engine that was killed, and a note that makes no sense', async () => {
  engine = await engineOf(home)
  const socket = socketOf()
  await engine.close()
  // What a killed process leaves: a socket's file that refuses, made by a listener whose file is kept.
  const folder = home.makeSocketFolder()!
  spawnSync(process.execPath, [
    '-e',
    `require('net').createServer().listen(${JSON.stringify(socket)}, () => process.kill(process.pid, 'SIGKILL'))`,
  ])
  expect(existsSync(socket)).toBe(true)
  expect(dirname(socket)).toBe(folder)
  writeFileSync(join(home.root, 'engine.json'), JSON.stringify({ socket, pid: 1, secret: null }), { mode: 0o600 })
  expect(await connectEngine(home)).toBeUndefined()
  engine = await engineOf(home)
  await engine.close()
  writeFileSync(join(home.root, 'engine.json'), '{"socket": 7')
  expect(await connectEngine(home)).toBeUndefined()
  engine = await engineOf(home)
  expect((await connectEngine(home))?.hello.pid).toBe(process.pid)
})

it('tells every change to all who watch, in order and without a gap, and nothing to the others', async () => {
  engine = await engineOf(home)
  const seen: Change[][] = []
  const clients = await Promise.all(Array.from({ length: 20 }, async () => (await connectEngine(home))!))
  const starts = await Promise.all(
    clients.slice(0, 19).map((client, at) => client.watch(change => void (seen[at] ??= []).push(change)).then(({ revision }) => revision)),
  )
  for (let n = 0; n < 30; n++) await clients[n % 20]!.ask('databases.refresh', {})
  await clients[0]!.ask('state.read', {})
  const { revision } = await clients[19]!.ask('state.read', {})
  await Promise.all(clients.slice(0, 19).map(client => client.ask('state.read', {})))
  for (const [at, start] of starts.entries()) {
    const revisions = (seen[at] ?? []).map(change => change.revision)
    expect(revisions).toEqual(Array.from({ length: revision - start }, (_, n) => start + 1 + n))
  }
  expect(seen[19]).toBeUndefined()
  clients.forEach(client => client.close())
})

/** Anything but what the question wants. */
const rubbish = fc.oneof(
  fc.jsonValue(),
  fc.record({ proxy: fc.jsonValue(), tunnel: fc.jsonValue(), resource: fc.jsonValue(), port: fc.jsonValue(), more: fc.string() }),
  fc.record({ proxy: fc.string({ minLength: 301, maxLength: 400 }) }),
  fc.record({
    resource: fc.constantFrom('/clusters//db/x', '../../etc/passwd', '/clusters/a/db/b/c', 'constructor', '/clusters/a/nodes/b'),
  }),
)

it('refuses rubbish for every question, and nothing changes by it', async () => {
  engine = await engineOf(home)
  const face = await rawFace(socketOf())
  await face.line(line => line.hello !== undefined)
  const before = engine.read()
  let id = 0
  const questions = fc.constantFrom<string>(...Object.keys(contract), 'toString', '__proto__', 'state', '')
  await fc.assert(
    fc.asyncProperty(questions, rubbish, async (question, ask) => {
      fc.pre(!isQuestion(question) || !contract[question].ask.safeParse(ask).success)
      const mine = ++id
      face.socket.write(`${JSON.stringify({ id: mine, question, ask })}\n`)
      const { reply } = await face.line(line => line.id === mine)
      expect(reply.ok).toBe(false)
      expect(['usage/invalid', 'app/bug']).toContain(reply.failure.code)
    }),
    { numRuns: 400 },
  )
  expect(engine.read()).toEqual(before)
  face.socket.destroy()
})

it.each(SHELL_QUESTIONS)('does not answer %s, which is for the desktop of a face', async question => {
  engine = await engineOf(home)
  const face = await rawFace(socketOf())
  const ask = { 'clipboard.copy': { text: 'x' }, 'trust.choose': { proxy: 'a:1' }, 'log.export': {} }[question]
  face.socket.write(`${JSON.stringify({ id: 1, question, ask })}\n`)
  expect((await face.line(line => line.id === 1)).reply).toMatchObject({ ok: false, failure: { code: 'usage/invalid' } })
  face.socket.destroy()
})

it.each([
  ['no JSON', 'GET / HTTP/1.1\r\n\r\n'],
  ['no question', '{"id":1}\n'],
  ['a number that is none', '{"id":-1,"question":"state.read","ask":{}}\n'],
  ['more than a question', '{"id":1,"question":"state.read","ask":{},"extra":1}\n'],
  ['a line without end', `{"id":1,"question":"${'x'.repeat(70_000)}`],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
])('hangs up on %s, and serves the others on', async (_what, bytes) => {
  engine = await engineOf(home)
  const good = (await connectEngine(home))!
  const face = await rawFace(socketOf())
  face.socket.write(bytes)
  expect((await face.line(line => line.id === null)).reply.ok).toBe(false)
  await face.closed
  await expect(good.ask('state.read', {})).resolves.toBeDefined()
  good.close()
})

it('hangs up on a line that does not end in time, not on a face that is silent', async () => {
  engine = await engineOf(home)
  const silent = await rawFace(socketOf())
  const slow = await rawFace(socketOf())
  slow.socket.write('{"id":1,')
  await slow.closed
  expect(slow.lines.at(-1).reply.failure.code).toBe('wire/cut-short')
  silent.socket.write('{"id":5,"question":"state.read","ask":{}}\n')
  expect((await silent.line(line => line.id === 5)).reply.ok).toBe(true)
  silent.socket.destroy()
}, 20_000)

it('asks for the secret of the home first where the place has one', async () => {
  const folder = home.makeSocketFolder()
  const place = {
    socket: isUnix ? join(folder!, 'secret.sock') : `\\\\.\\pipe\\portico-test-${process.pid}`,
    pid: process.pid,
    secret: 'ab'.repeat(32),
  }
  engine = await engineOf(home)
  const { answers, read, onChange, trustFile } = engine
  const other = emptyHome()
  const control = await serveControl({
    home: other.home,
    log: NO_LOG,
    host: 'headless',
    version: '1',
    checkAnswers: true,
    place,
    app: Promise.resolve({ answers, read, onChange, trustFile }),
  })
  for (const first of ['{"id":1,"question":"state.read","ask":{}}', '{"secret":"wrong"}', `{"secret":"${'ab'.repeat(31)}"}`]) {
    const face = await rawFace(place.socket)
    face.socket.write(`${first}\n{"id":2,"question":"state.read","ask":{}}\n`)
    await face.closed
    expect(face.lines).toEqual([{ id: null, reply: { ok: false, failure: { code: 'usage/invalid', facts: expect.anything() } } }])
  }
  const client = (await connectEngine(other.home))!
  await expect(client.ask('state.read', {})).resolves.toBeDefined()
  client.close()
  await control.close()
  other.remove()
})

it('lets a question go that was open when the engine ended', async () => {
  engine = await engineOf(home)
  const client = (await connectEngine(home))!
  // Nothing listens there: the look takes until its deadline.
  const deaf = createServer(socket => socket.on('error', () => {})).listen(0, '127.0.0.1')
  await new Promise(resolve => deaf.once('listening', resolve))
  const asked = client.ask('login.look', { proxy: `127.0.0.1:${(deaf.address() as { port: number }).port}` })
  asked.catch(() => {})
  await client.ask('state.read', {})
  await engine.close()
  await client.ended
  await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/^(engine\/gone|app\/cancelled)$/) })
  await expect(client.ask('state.read', {})).rejects.toMatchObject({ code: 'engine/gone' })
  deaf.close()
})
