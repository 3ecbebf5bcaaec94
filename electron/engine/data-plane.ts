import type { MessagePort } from 'node:worker_threads'
import { PorticoError, assertNever } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { Credentials, EngineEvent } from './engine.ts'
import type { FromThread, ToThread } from './messages.ts'
import { openPeerOwners } from './peer-owner.ts'
import { openTunnel, type OpenTunnel, type TunnelNeeds } from './tunnel.ts'

/** Counters of all tunnels that changed are told this often, ms. */
const COUNTERS_MS = 250
/** What happened to connections is told together: 500 clients that connect at once are a few messages, ms. */
const EVENTS_MS = 20

type Answer = { resolve(credentials: Credentials): void; reject(error: PorticoError): void }

/** The engine's part on a data-plane thread: owns tunnels, obeys and reports through `port` until it is told to close. */
export function runDataPlane(port: Pick<MessagePort, 'postMessage' | 'on'>, now: () => number = Date.now): void {
  const tunnels = new Map<string, Promise<OpenTunnel>>()
  const rootLists = new Map<number, readonly string[]>()
  const questions = new Map<number, Answer>()
  const changed = new Set<OpenTunnel>()
  let asked = 0
  let events: EngineEvent[] = []
  let nextCounters: NodeJS.Timeout | undefined
  const post = (message: FromThread): void => port.postMessage(message)

  let nextEvents: NodeJS.Timeout | undefined
  const tell = (): void => {
    clearTimeout(nextEvents)
    nextEvents = undefined
    if (events.length > 0) post({ type: 'events', events })
    events = []
  }
  const report = (event: EngineEvent): void => {
    events.push(event)
    nextEvents ??= setTimeout(tell, EVENTS_MS)
  }
  const tellCounters = (): void => {
    nextCounters = undefined
    for (const tunnel of changed) report(tunnel.counters())
    changed.clear()
  }
  const writer =
    (level: 'error' | 'warn' | 'info' | 'debug'): Log['error'] =>
    (event, facts = {}, thrown) =>
      post({ type: 'log', level, event, facts: thrown instanceof Error ? { ...facts, thrown: thrown.stack ?? thrown.message } : facts })
  const log: Log = { error: writer('error'), warn: writer('warn'), info: writer('info'), debug: writer('debug') }

  const peers = openPeerOwners(thrown => log.warn('peers.untold', {}, thrown))
  const needs: TunnelNeeds = {
    log,
    peers,
    now,
    report,
    changed: tunnel => {
      changed.add(tunnel)
      nextCounters ??= setTimeout(tellCounters, COUNTERS_MS)
    },
    ask: (tunnel, refused) =>
      new Promise((resolve, reject) => {
        const question = ++asked
        questions.set(question, { resolve, reject })
        post({ type: 'ask', question, tunnel, refused: refused ?? null })
      }),
  }

  /** After the last events. */
  const done = (call: number): void => {
    tell()
    post({ type: 'done', call, listening: null })
  }
  const stop = async (id: string, drainMs: number): Promise<void> => {
    const opening = tunnels.get(id)
    if (opening === undefined) return
    const tunnel = await opening.catch(() => undefined)
    await tunnel?.close(drainMs)
    if (tunnels.get(id) === opening) tunnels.delete(id)
  }
  const running = (id: string): Promise<OpenTunnel> => {
    const opening = tunnels.get(id)
    if (opening === undefined) throw new PorticoError('tunnel/not-found', { tunnel: id })
    return opening
  }
  const start = async (message: ToThread & { type: 'start' }): Promise<void> => {
    const { call } = message
    const roots = message.roots ?? rootLists.get(message.list) ?? []
    rootLists.set(message.list, roots)
    const plan = { ...message.plan, upstream: { ...message.plan.upstream, roots } }
    if (tunnels.has(plan.id)) throw new PorticoError('app/bug', { why: `tunnel ${plan.id} runs already` })
    const opening = openTunnel(plan, needs)
    tunnels.set(plan.id, opening)
    try {
      post({ type: 'done', call, listening: (await opening).listening })
    } catch (thrown) {
      tunnels.delete(plan.id)
      throw thrown
    }
  }
  const obey = async (message: Exclude<ToThread, { question: number }>): Promise<void> => {
    const { call } = message
    switch (message.type) {
      case 'start':
        return start(message)
      case 'stop':
        await stop(message.tunnel, message.drainMs)
        return done(call)
      case 'forget':
        ;(await tunnels.get(message.tunnel)?.catch(() => undefined))?.forget()
        return done(call)
      case 'connections':
        return post({ type: 'connections', call, open: (await running(message.tunnel)).list() })
      case 'close-connection':
        ;(await running(message.tunnel)).cut(message.connection)
        return done(call)
      case 'close':
        await Promise.all([...tunnels.keys()].map(id => stop(id, message.drainMs)))
        clearTimeout(nextCounters)
        tellCounters()
        return done(call)
      default:
        return assertNever(message)
    }
  }

  port.on('message', (message: ToThread) => {
    if (message.type === 'answer' || message.type === 'no-answer') {
      const answer = questions.get(message.question)
      questions.delete(message.question)
      if (message.type === 'answer') answer?.resolve(message.credentials)
      else answer?.reject(new PorticoError(message.failure.code, message.failure.facts))
      return
    }
    obey(message).catch(thrown => {
      const error = PorticoError.from(thrown)
      if (error.code === 'app/bug') log.error('engine.call-failed', { call: message.type }, error.cause ?? error)
      post({ type: 'failed', call: message.call, failure: error.toFailure() })
    })
  })
}
