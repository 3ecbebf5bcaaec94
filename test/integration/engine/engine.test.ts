import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { build } from 'vite'
import { databaseAlpn } from '../../../shared/protocols.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import type { Engine, EngineEvent, TunnelPlan } from '../../../electron/engine/engine.ts'
import { openEngine, type EngineOptions } from '../../../electron/engine/open-engine.ts'
import { encodeStartup } from '../../../electron/wire/postgres.ts'
import { makeCertificates, type TestCertificates } from '../../kit/certificates.ts'
import { echo, openCounterpart, type Counterpart } from '../../kit/tls-counterpart.ts'

const STARTUP = encodeStartup({ user: 'reader' })
const folder = mkdtempSync(join(tmpdir(), 'portico-engine-'))
const workerFile = pathToFileURL(join(folder, 'worker.mjs'))
let certificates: TestCertificates
let proxy: Counterpart
let engine: Engine | undefined

beforeAll(async () => {
  const root = new URL('../../..', import.meta.url).pathname
  await build({
    configFile: false,
    root,
    logLevel: 'error',
    publicDir: false,
    ssr: { noExternal: true, target: 'node' },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: false,
      target: 'node20.18',
      minify: false,
      rolldownOptions: {
        input: { worker: join(root, 'electron/engine/worker.ts') },
        external: [/^node:/],
        platform: 'node',
        output: { format: 'es', entryFileNames: '[name].mjs' },
      },
    },
  })
  certificates = await makeCertificates()
  proxy = await openCounterpart({
    server: await certificates.server(),
    clientRoots: [certificates.userRoot],
    alpn: databaseAlpn('postgres')!,
    serve: echo,
  })
})
afterEach(async () => {
  await engine?.close(0)
  engine = undefined
})
afterAll(async () => {
  await proxy.close()
  rmSync(folder, { recursive: true, force: true })
})

const plan = (id: string): TunnelPlan => ({
  id,
  dbProtocol: 'postgres',
  mode: 'authenticated',
  listen: { hosts: ['127.0.0.1'], port: 0, socket: null },
  upstream: { proxy: { host: '127.0.0.1', port: proxy.port }, servername: 'proxy.test', roots: [certificates.webRoot], certificate: null },
  holdMs: 5_000,
})
const start = async (more: Partial<EngineOptions> = {}): Promise<EngineEvent[]> => {
  const credentials = await certificates.database()
  engine = await openEngine({ workerFile, log: NO_LOG, credentials: { credentials: async () => credentials }, ...more })
  const events: EngineEvent[] = []
  engine.onEvent(event => events.push(event))
  return events
}
const talk = async (port: number): Promise<Socket> => {
  const socket = connect({ port, host: '127.0.0.1' })
  socket.write(STARTUP)
  const [answer] = await once(socket, 'data')
  expect(answer).toEqual(STARTUP)
  return socket
}
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 500) throw new Error('never happened')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

describe('the engine', () => {
  it('opens tunnels on its threads, tells what happens, and stops them', async () => {
    const events = await start({ threads: 2 })
    const [one, two] = await Promise.all([engine!.start(plan('one')), engine!.start(plan('two'))])
    const sockets = await Promise.all([talk(one.port), talk(two.port), talk(two.port)])
    await until(() => events.some(event => event.type === 'counters' && event.tunnel === 'two' && event.connections === 2))
    for (const socket of sockets) socket.destroy()
    await Promise.all([engine!.stop('one'), engine!.stop('two')])
    await engine!.stop('two')
    await expect(talk(one.port)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    const closed = events.filter(event => event.type === 'connection' && event.state === 'closed')
    expect(closed).toHaveLength(3)
    expect((await engine!.start(plan('one'))).port).toBeGreaterThan(0)
  })

  it('gives the failure of a start as the error it was, and can start the same tunnel after', async () => {
    await start()
    const first = await engine!.start(plan('one'))
    const taken = { ...plan('two'), listen: { ...plan('two').listen, port: first.port } }
    await expect(engine!.start(taken)).rejects.toMatchObject({ code: 'tunnel/port-in-use', facts: { port: first.port } })
    await expect(engine!.start({ ...plan('odd'), dbProtocol: 'gopher' })).rejects.toMatchObject({ code: 'resource/unsupported' })
    await engine!.start(plan('two'))
  })

  it('starts nothing for a caller that gave up', async () => {
    await start()
    const gaveUp = new AbortController()
    const starting = engine!.start(plan('one'), gaveUp.signal)
    gaveUp.abort()
    await expect(starting).rejects.toMatchObject({ code: 'app/cancelled' })
    await engine!.start(plan('one'))
  })

  it('names the tunnels that are lost with a thread, and starts later ones on a new thread', async () => {
    // The first thread of this engine dies when a tunnel called "bomb" is started on it.
    const mined = join(folder, 'mined.mjs')
    writeFileSync(
      mined,
      `import './worker.mjs'\nimport { parentPort } from 'node:worker_threads'\nparentPort.on('message', message => { if (message.plan?.id === 'bomb') setTimeout(() => { throw new Error('boom') }, 50) })\n`,
    )
    const events = await start({ threads: 1, workerFile: pathToFileURL(mined) })
    await engine!.start(plan('one'))
    await engine!.start(plan('bomb'))
    await until(() => events.filter(event => event.type === 'lost').length === 2)
    expect(events.flatMap(event => (event.type === 'lost' ? [event.tunnel] : [])).sort()).toEqual(['bomb', 'one'])
    const { port } = await engine!.start(plan('one'))
    ;(await talk(port)).destroy()
  })

  it('closes in spite of open connections and unanswered questions, as often as it is told', async () => {
    await start({ credentials: { credentials: () => new Promise(() => {}) } })
    const { port } = await engine!.start(plan('one'))
    const socket = connect({ port, host: '127.0.0.1' })
    socket.on('error', () => {})
    socket.write(STARTUP)
    await new Promise(resolve => setTimeout(resolve, 50))
    await Promise.all([engine!.close(), engine!.close()])
    await expect(engine!.start(plan('two'))).rejects.toMatchObject({ code: 'app/cancelled' })
    socket.destroy()
  })
})
