import { Worker } from 'node:worker_threads'
import { PorticoError, assertNever } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { CredentialSource, EngineEvent, Listening, OpenConnections, TunnelPlan } from './engine.ts'
import type { FromThread, ToThread } from './messages.ts'

export interface EngineThreadOptions {
  readonly workerFile: URL
  readonly log: Log
  readonly credentials: CredentialSource
  readonly onEvents: (events: readonly EngineEvent[]) => void
  /** It ended although nobody asked it to. */
  readonly onDeath: (thread: EngineThread) => void
}

type Call = { resolve(value: Listening | OpenConnections | null): void; reject(error: PorticoError): void }
type WithoutCall<M> = M extends { call: number } ? Omit<M, 'call'> : never

/** One data-plane thread, seen from the main thread. */
export class EngineThread {
  /** Ids of the tunnels that live here. */
  readonly tunnels = new Set<string>()
  readonly #options: EngineThreadOptions
  readonly #worker: Worker
  readonly #calls = new Map<number, Call>()
  /** Lists of roots that the thread has. */
  readonly #lists = new WeakMap<readonly string[], number>()
  #numbered = 0
  #called = 0
  #closing = false
  #dead = false

  constructor(options: EngineThreadOptions) {
    this.#options = options
    this.#worker = new Worker(options.workerFile, { name: 'portico data plane' })
    this.#worker.on('message', (message: FromThread) => this.#read(message))
    this.#worker.on('error', error => options.log.error('engine.thread-failed', {}, error))
    this.#worker.once('exit', () => this.#died())
  }

  start(plan: TunnelPlan): Promise<Listening | null> {
    const { roots, ...upstream } = plan.upstream
    const known = this.#lists.get(roots)
    const list = known ?? ++this.#numbered
    this.#lists.set(roots, list)
    return this.call({ type: 'start', plan: { ...plan, upstream }, list, roots: known === undefined ? roots : null })
  }

  async connections(tunnel: string): Promise<OpenConnections> {
    return (await this.#call({ type: 'connections', tunnel })) as OpenConnections
  }

  async call(message: WithoutCall<Exclude<ToThread, { type: 'connections' }>>): Promise<Listening | null> {
    return (await this.#call(message)) as Listening | null
  }

  #call(message: WithoutCall<ToThread>): Promise<Listening | OpenConnections | null> {
    if (this.#dead) return Promise.reject(new PorticoError('app/bug', { why: 'the thread ended' }))
    const call = ++this.#called
    return new Promise((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      this.#worker.postMessage({ ...message, call } satisfies ToThread)
    })
  }

  /** Stops its tunnels, then ends it. */
  async close(drainMs: number): Promise<void> {
    if (this.#dead) return
    this.#closing = true
    await this.call({ type: 'close', drainMs }).catch(() => {})
    await this.#worker.terminate()
  }

  #read(message: FromThread): void {
    switch (message.type) {
      case 'events':
        return this.#options.onEvents(message.events)
      case 'ask':
        return void this.#answer(message)
      case 'log':
        return this.#options.log[message.level](message.event, message.facts)
      case 'done':
        this.#calls.get(message.call)?.resolve(message.listening)
        return void this.#calls.delete(message.call)
      case 'connections':
        this.#calls.get(message.call)?.resolve(message.open)
        return void this.#calls.delete(message.call)
      case 'failed':
        this.#calls.get(message.call)?.reject(new PorticoError(message.failure.code, message.failure.facts))
        return void this.#calls.delete(message.call)
      default:
        return assertNever(message)
    }
  }

  async #answer({ question, tunnel, refused }: FromThread & { type: 'ask' }): Promise<void> {
    const reply = await this.#options.credentials.credentials(tunnel, refused ?? undefined).then(
      credentials => ({ type: 'answer', question, credentials }) as const,
      thrown => ({ type: 'no-answer', question, failure: PorticoError.from(thrown).toFailure() }) as const,
    )
    if (!this.#dead) this.#worker.postMessage(reply satisfies ToThread)
  }

  #died(): void {
    this.#dead = true
    for (const call of this.#calls.values()) call.reject(new PorticoError('app/bug', { why: 'the thread ended' }))
    this.#calls.clear()
    if (!this.#closing) this.#options.onDeath(this)
  }
}
