import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openContext, type Context } from '../../../electron/app/context.ts'
import { openCredentials, type CredentialEvent } from '../../../electron/app/credentials.ts'
import { openTunnels, type OpenTunnel, type TunnelRequest, type Tunnels } from '../../../electron/app/tunnels.ts'
import { openEngine } from '../../../electron/engine/open-engine.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openHome } from '../../../electron/state/home.ts'
import type { StoredProfile } from '../../../electron/state/stored-state.ts'
import { encodeStartup } from '../../../electron/wire/postgres.ts'
import { databaseId } from '../../../shared/ids.ts'
import { databaseAlpn } from '../../../shared/protocols.ts'
import { makeCertificates } from '../../kit/certificates.ts'
import { echo, openCounterpart, type Counterpart } from '../../kit/tls-counterpart.ts'

export const STARTUP = encodeStartup({ user: 'reader', database: 'postgres' })
const HOUR = 3_600_000

/** Tunnels of a real engine with real threads, to a proxy that echoes; the sign-in and its end are in the test's hand. */
export interface TunnelsUnderTest {
  readonly context: Context
  readonly tunnels: Tunnels
  readonly events: readonly CredentialEvent[]
  /** Certificates that were issued. */
  readonly issued: number
  /** Certificates to come live this long, ms. */
  life: number
  readonly changes: { listener: () => void }
  proxy: Counterpart
  openProxy(port?: number): Promise<Counterpart>
  request(name: string): TunnelRequest
  endLogin(): void
  signIn(): void
  /** A client that speaks at once and waits for its answer. */
  client(tunnel: OpenTunnel): Promise<Buffer>
  close(): Promise<void>
}

/** @param root where the home lies; default: a folder of its own */
export async function tunnelsUnderTest(root = mkdtempSync(join(tmpdir(), 'portico-tun-'))): Promise<TunnelsUnderTest> {
  const certificates = await makeCertificates()
  const server = await certificates.server()
  const openProxy = (port?: number): Promise<Counterpart> =>
    openCounterpart({
      server,
      clientRoots: [certificates.userRoot],
      alpn: databaseAlpn('postgres')!,
      strict: true,
      serve: echo,
      ...(port === undefined ? {} : { port }),
    })
  const proxy = await openProxy()
  const home = openHome({ PORTICO_HOME: join(root, 'home'), XDG_RUNTIME_DIR: root }, process.platform)
  const context = await openContext({ log: NO_LOG, home, env: { ...process.env, PORTICO_KEYRING: 'off' } })
  const address = `localhost:${proxy.port}`
  let login = { validUntil: Date.now() + HOUR, fingerprint: 'first' }
  let issued = 0
  const profile: StoredProfile = {
    proxy: address,
    cluster: 'root.test',
    user: 'alice',
    serverVersion: '13.0.0',
    ...{ roles: [], logins: [], kubeUsers: [], kubeGroups: [], databaseUsers: ['*'], databaseNames: ['*'], hostCas: [] },
    validUntil: login.validUntil,
    trust: { extraRoots: [certificates.webRoot], caPin: undefined, insecure: false },
  }
  const events: CredentialEvent[] = []
  const changes = { listener: (): void => {} }
  const sockets: Socket[] = []
  const credentials = openCredentials({
    login: () => login,
    async issue() {
      issued++
      return certificates.database({ notAfter: Math.min(login.validUntil, Date.now() + world.life) })
    },
    onEvent: event => events.push(event),
  })
  const tunnels = openTunnels({
    context,
    credentials,
    engine: () =>
      openEngine({ threads: 2, workerFile: new URL('../../../out/engine/worker.mjs', import.meta.url), log: NO_LOG, credentials }),
    onChange: () => changes.listener(),
  })
  const world: TunnelsUnderTest = {
    context,
    tunnels,
    events,
    changes,
    get issued() {
      return issued
    },
    life: HOUR,
    proxy,
    openProxy,
    request(name) {
      const base = { name, cluster: 'root.test', dbProtocol: 'postgres' }
      return {
        profile,
        database: { id: databaseId('root.test', name), ...base },
        route: { ...base, databaseUser: 'reader', databaseName: 'postgres' },
        port: 0,
        socket: null,
      }
    },
    endLogin() {
      login = { validUntil: Date.now() - 1, fingerprint: login.fingerprint }
    },
    signIn() {
      login = { validUntil: Date.now() + HOUR, fingerprint: `${login.fingerprint} again` }
      credentials.signedIn(address)
    },
    client({ port }) {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true })
      sockets.push(socket)
      socket.write(STARTUP)
      return new Promise((resolve, reject) => {
        socket.once('data', resolve)
        socket.once('error', reject)
        socket.once('close', () => reject(new Error('hung up')))
      })
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await tunnels.close(0)
      context.close()
      await world.proxy.close()
      rmSync(root, { recursive: true, force: true })
    },
  }
  return world
}

export async function until(fits: () => boolean, what: () => unknown = () => ''): Promise<void> {
  for (const end = Date.now() + 15_000; !fits(); await new Promise(resolve => setTimeout(resolve, 20)))
    if (Date.now() > end) throw new Error(`never: ${JSON.stringify(what()).slice(0, 1000)}`)
}
