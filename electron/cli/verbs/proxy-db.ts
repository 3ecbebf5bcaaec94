import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { oneLine } from '../../../shared/words.ts'
import type { CredentialEvent } from '../../app/credentials.ts'
import { hostTunnel, type EngineEvent } from '../../app/host-tunnel.ts'
import type { OpenTunnel } from '../../app/tunnels.ts'
import { askCode } from '../ask-code.ts'
import { parseDuration } from '../duration.ts'
import { withEngine } from '../engine-of-home.ts'
import { readPort } from '../port.ts'
import type { Run } from '../run.ts'
import { errorObject, type Say } from '../say.ts'
import { isTerminal } from '../secrets.ts'
import { signInHere, withSession, type Session } from '../session.ts'

interface Options {
  readonly port?: string
  readonly dbUser?: string
  readonly dbName?: string
  readonly tunnel?: boolean
  readonly passthrough?: boolean
  /** false = `--no-socket` */
  readonly socket?: string | false
  readonly hold?: string
}

const DRAIN_MS = 5_000
/** libpq and the systems' limits; cli.md "Socket". */
const MAX_SOCKET_BYTES = 100

export function proxyDb(run: Run, [name = '']: readonly string[], options: Options): Promise<void> {
  const wanted = readOptions(options)
  return withSession(run, async session => {
    const {
      say,
      lifetime: { signal },
    } = run
    let stop = (_error?: PorticoError): void => {}
    const ended = new Promise<PorticoError | undefined>(resolve => {
      stop = resolve
    })
    signal.addEventListener('abort', () => stop())
    const asker = openAsker(run, session, () => hosted.signedIn())
    const hosted = await hostTunnel({
      ...session,
      workerFile: run.place.workerFile,
      signal,
      cluster: run.globals.cluster,
      name,
      ...wanted,
      databaseUser: options.dbUser,
      databaseName: options.dbName,
      askCode: (question, stopped) => askCode(run, question, stopped),
      onCredentials(event) {
        tellCredentials(say, event)
        if (event.type === 'login-needed') asker.ask()
        if (event.type === 'renewed') asker.stop()
      },
      onEngineEvent: event => tellConnection(say, event),
      onLost: error => stop(error),
    }).catch((thrown: unknown) => explainPort(run, PorticoError.from(thrown)))
    tellOpen(say, hosted.tunnel)
    // Fetched before the first client needs it. Its failure is told as an event, and again by the connection that meets it.
    hosted.certificate().catch((thrown: unknown) => {
      const error = PorticoError.from(thrown)
      if (error.code === 'login/code-needed') stop(error)
    })
    run.lifetime.ready()
    if (signal.aborted) stop()
    const alive = setInterval(() => {}, 60_000)
    const error = await ended
    clearInterval(alive)
    await hosted.close(DRAIN_MS)
    if (say.json) say.value({ event: 'closed' })
    if (error !== undefined) throw error
  })
}

function readOptions({ port, tunnel, passthrough = false, socket, hold }: Options) {
  if (passthrough && tunnel === true) throw new PorticoError('usage/invalid', { why: '--tunnel and --passthrough exclude each other' })
  const socketPath = socket === false ? null : socket
  if (typeof socketPath === 'string' && Buffer.byteLength(socketPath) > MAX_SOCKET_BYTES)
    throw new PorticoError('usage/invalid', { why: `a socket's path may be ${MAX_SOCKET_BYTES} bytes long` })
  return {
    mode: passthrough ? ('passthrough' as const) : ('authenticated' as const),
    port: port === undefined ? undefined : readPort(port),
    socket: socketPath,
    holdMs: hold === undefined ? undefined : parseDuration(hold, '--hold'),
  }
}

/** A port that our own engine holds: the address to use is there already. */
async function explainPort(run: Run, error: PorticoError): Promise<never> {
  if (error.code !== 'tunnel/port-in-use') throw error
  const tunnels = await withEngine(run, async engine => (await engine?.ask('state.read', {}))?.state.tunnels ?? []).catch(() => [])
  const holder = tunnels.find(tunnel => 'port' in tunnel && tunnel.port === error.facts['port'])
  if (holder === undefined || !('port' in holder)) throw error
  const { port, name, url } = holder
  throw new PorticoError(
    error.code,
    {
      ...error.facts,
      program: `the engine of this home, with db/${name},`,
      address: `127.0.0.1:${port}`,
      next: `use ${url ?? `127.0.0.1:${port}`}, or choose another port with --port`,
    },
    error,
  )
}

function tellOpen(say: Say, tunnel: OpenTunnel): void {
  const { id, kind, name, cluster, dbProtocol, mode, alpn, port, addresses, socket, url, jdbc, command } = tunnel
  if (say.json)
    return say.value({
      event: 'open',
      tunnel: id,
      kind,
      name,
      cluster,
      protocol: dbProtocol,
      mode,
      alpn,
      address: { host: '127.0.0.1', port },
      addresses,
      socket,
      url,
      jdbc,
      command,
    })
  const title = (Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]?.title : undefined) ?? dbProtocol
  say.text(
    `${name} (${title}) is at ${addresses.join(' and ')}`,
    ...(socket === null ? [] : [`  socket ${socket}`]),
    ...(url === null ? [] : [`  ${url}`]),
    `  $ ${command}`,
  )
  say.hint('Ctrl-C ends it.')
}

function tellConnection(say: Say, event: EngineEvent): void {
  if (event.type !== 'connection') return
  if (!say.json) {
    if (event.state === 'failed')
      say.warn(`connection ${event.connection}: ${event.failure === undefined ? 'failed' : oneLine(event.failure)}`)
    return
  }
  const { connection: id, state, from } = event
  const counts = event.state === 'open' ? { bytesIn: 0, bytesOut: 0 } : { bytesIn: event.bytesIn, bytesOut: event.bytesOut }
  const error = event.state !== 'open' && event.failure !== undefined ? { error: errorObject(event.failure) } : {}
  say.value({ event: 'connection', id, state, from, ...counts, ...error })
}

function tellCredentials(say: Say, event: CredentialEvent): void {
  if (say.json)
    return say.value({ event: 'credentials', state: event.type, ...(event.type === 'failed' ? { error: errorObject(event.failure) } : {}) })
  if (event.type === 'login-needed')
    say.warn(`the session of ${event.proxy} ended; connections wait until you sign in: portico login --proxy ${event.proxy}`)
  if (event.type === 'failed') say.warn(oneLine(event.failure))
}

interface Asker {
  ask(): void
  /** Somebody signed in elsewhere: the question is off. */
  stop(): void
}

/** On a terminal the command asks for the password itself, once at a time. */
function openAsker(run: Run, { context, profile }: Session, onSignedIn: () => void): Asker {
  let asking: AbortController | undefined
  const ask = (): void => {
    if (asking !== undefined || !isTerminal(process.stdin)) return
    const mine = new AbortController()
    asking = mine
    const lifetime = { ...run.lifetime, signal: AbortSignal.any([run.lifetime.signal, mine.signal]) }
    signInHere({ ...run, lifetime }, context, profile.proxy, {}).then(
      () => {
        asking = undefined
        // The store's listeners hear of other processes only.
        onSignedIn()
      },
      (thrown: unknown) => {
        asking = undefined
        const error = PorticoError.from(thrown)
        if (error.code === 'app/cancelled') return
        run.say.warn(oneLine(error.toFailure()))
        if (error.code === 'login/refused') ask()
      },
    )
  }
  return { ask, stop: () => asking?.abort() }
}
