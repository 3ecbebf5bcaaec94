import { connect, type Socket } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openContext, type Context } from '../../../electron/app/context.ts'
import { openCredentials, type CredentialEvent } from '../../../electron/app/credentials.ts'
import { openTunnels, type OpenTunnel, type Tunnels } from '../../../electron/app/tunnels.ts'
import { openEngine } from '../../../electron/engine/open-engine.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openHome } from '../../../electron/state/home.ts'
import type { StoredProfile } from '../../../electron/state/stored-state.ts'
import { encodeStartup } from '../../../electron/wire/postgres.ts'
import { databaseId } from '../../../shared/ids.ts'
import { databaseAlpn } from '../../../shared/protocols.ts'
import { makeCertificates } from '../../kit/certificates.ts'
import { echo, openCounterpart, type Counterpart } from '../../kit/tls-counterpart.ts'

const TUNNELS = 20
const EACH = 10
const STARTUP = encodeStartup({ user: 'reader', database: 'postgres' })

const root = mkdtempSync(join(tmpdir(), 'portico-exp-'))
const events: CredentialEvent[] = []
const sockets: Socket[] = []
let login = { validUntil: Date.now() + 3_600_000, fingerprint: 'first' }
let issued = 0
/** Certificates live this long, ms. */
let life = 6_000
let context: Context
let tunnels: Tunnels
let proxy: Counterpart
let openProxy: (port?: number) => Promise<Counterpart>
let open: OpenTunnel[]
let signedIn: () => void

beforeAll(async () => {
  const certificates = await makeCertificates()
  const server = await certificates.server()
  openProxy = port =>
    openCounterpart({
      server,
      clientRoots: [certificates.userRoot],
      alpn: databaseAlpn('postgres')!,
      strict: true,
      serve: echo,
      ...(port === undefined ? {} : { port }),
    })
  proxy = await openProxy()
  const home = openHome({ PORTICO_HOME: join(root, 'home'), XDG_RUNTIME_DIR: root }, process.platform)
  context = await openContext({ log: NO_LOG, home, env: { ...process.env, PORTICO_KEYRING: 'off' } })
  const address = `localhost:${proxy.port}`
  const profile: StoredProfile = {
    proxy: address,
    cluster: 'root.test',
    user: 'alice',
    serverVersion: '13.0.0',
    ...{ roles: [], logins: [], kubeUsers: [], kubeGroups: [], databaseUsers: ['*'], databaseNames: ['*'], hostCas: [] },
    validUntil: login.validUntil,
    trust: { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false },
  }
  const credentials = openCredentials({
    login: () => login,
    async issue() {
      issued++
      return certificates.database({ notAfter: Math.min(login.validUntil, Date.now() + life) })
    },
    onEvent: event => events.push(event),
  })
  signedIn = () => credentials.signedIn(address)
  tunnels = openTunnels({
    context,
    credentials,
    engine: () =>
      openEngine({ threads: 2, workerFile: new URL('../../../out/engine/worker.mjs', import.meta.url), log: NO_LOG, credentials }),
    onChange: () => {},
  })
  // All of them at once, as a restored engine does.
  open = await Promise.all(
    Array.from({ length: TUNNELS }, (_, n) => {
      const name = `db-${n}`
      const base = { name, cluster: 'root.test', dbProtocol: 'postgres' }
      return tunnels.start({
        profile,
        database: { id: databaseId('root.test', name), ...base },
        route: { ...base, databaseUser: 'reader', databaseName: 'postgres' },
        port: 0,
        socket: null,
      })
    }),
  )
}, 30_000)
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await tunnels.close(0)
  context.close()
  await proxy.close()
  rmSync(root, { recursive: true, force: true })
})

/** A client that speaks at once and waits for its answer. */
function client({ port }: OpenTunnel): Promise<Buffer> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  sockets.push(socket)
  socket.write(STARTUP)
  return new Promise((resolve, reject) => {
    socket.once('data', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('hung up')))
  })
}

const until = async (fits: () => boolean): Promise<void> => {
  for (const end = Date.now() + 15_000; !fits(); await new Promise(resolve => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`never: ${JSON.stringify(events).slice(0, 500)}`)
}
const trouble = (id: string): string | undefined => {
  const tunnel = tunnels.list().find(one => one.id === id)
  return tunnel !== undefined && 'trouble' in tunnel ? tunnel.trouble?.code : undefined
}
const waiting = (): number => tunnels.list().reduce((sum, tunnel) => sum + ('waiting' in tunnel ? tunnel.waiting : 0), 0)
const all = (): Promise<Buffer>[] => open.flatMap(tunnel => Array.from({ length: EACH }, () => client(tunnel)))

it('asks once for 200 connections on 20 tunnels whose certificates have all ended, and lets all 200 go on after the sign-in', async () => {
  for (const answer of await Promise.all(open.map(client))) expect(answer.subarray(0, STARTUP.length)).toEqual(STARTUP)
  expect(issued).toBe(TUNNELS)
  await new Promise(resolve => setTimeout(resolve, life + 200))
  // The login is over too, on our clock.
  login = { validUntil: Date.now() - 1, fingerprint: 'first' }
  const held = all()
  const settled = Promise.allSettled(held)
  await until(() => waiting() === TUNNELS * EACH)
  expect(events.filter(({ type }) => type === 'login-needed')).toHaveLength(1)
  expect(tunnels.list().every(({ state }) => state === 'open')).toBe(true)

  life = 3_600_000
  login = { validUntil: Date.now() + 3_600_000, fingerprint: 'second' }
  signedIn()
  const results = await settled
  expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(TUNNELS * EACH)
  expect(events.filter(({ type }) => type === 'login-needed')).toHaveLength(1)
  // One certificate a tunnel, not one a connection.
  expect(issued).toBe(2 * TUNNELS)
  expect(waiting()).toBe(0)
}, 40_000)

it('goes on when the proxy that went away is back, without a hand', async () => {
  const { port } = proxy
  await proxy.kill()
  await expect(client(open[0]!)).rejects.toThrow()
  await until(() => trouble(open[0]!.id) === 'proxy/unreachable')
  expect(tunnels.list().every(({ state }) => state === 'open')).toBe(true)
  proxy = await openProxy(port)
  expect((await client(open[0]!)).length).toBeGreaterThan(0)
  await until(() => trouble(open[0]!.id) === undefined)
})
