import { availableParallelism } from 'node:os'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { CredentialSource, Engine, EngineEvent, Listening, TunnelPlan } from './engine.ts'
import { EngineThread } from './engine-thread.ts'
import { DRAIN_MS } from './messages.ts'

export interface EngineOptions {
  /** Default: one less than there are cores, 1 to 4. */
  readonly threads?: number
  /** The bundle of worker.ts. */
  readonly workerFile: URL
  readonly log: Log
  readonly credentials: CredentialSource
}

const wasAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted === true

/** All tunnels of this process. Threads start when tunnels need them; payload never touches the calling thread. */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const limit = options.threads ?? Math.min(4, Math.max(1, availableParallelism() - 1))
  const { log } = options
  const listeners = new Set<(event: EngineEvent) => void>()
  const threads = new Set<EngineThread>()
  const homes = new Map<string, EngineThread>()
  let closed: Promise<void> | undefined

  const emit = (event: EngineEvent): void => {
    if (event.type === 'lost') release(event.tunnel)
    for (const listener of listeners) {
      try {
        listener(event)
      } catch (thrown) {
        log.error('engine.listener-failed', { event: event.type }, thrown)
      }
    }
  }
  const release = (tunnel: string): void => {
    homes.get(tunnel)?.tunnels.delete(tunnel)
    homes.delete(tunnel)
  }
  const onDeath = (thread: EngineThread): void => {
    threads.delete(thread)
    for (const tunnel of [...thread.tunnels])
      emit({ type: 'lost', tunnel, failure: { code: 'app/bug', facts: { why: 'the thread of this tunnel ended' } } })
  }
  const addThread = (): EngineThread => {
    const thread = new EngineThread({
      workerFile: options.workerFile,
      log,
      credentials: options.credentials,
      onEvents: events => events.forEach(emit),
      onDeath,
    })
    threads.add(thread)
    return thread
  }
  const leastLoaded = (): EngineThread => {
    let best: EngineThread | undefined
    for (const thread of threads) if (best === undefined || thread.tunnels.size < best.tunnels.size) best = thread
    return best === undefined || (best.tunnels.size > 0 && threads.size < limit) ? addThread() : best
  }

  const start = async (plan: TunnelPlan, signal?: AbortSignal): Promise<Listening> => {
    if (closed !== undefined || wasAborted(signal)) throw new PorticoError('app/cancelled')
    if (homes.has(plan.id)) throw new PorticoError('app/bug', { why: `tunnel ${plan.id} runs already` })
    const thread = leastLoaded()
    homes.set(plan.id, thread)
    thread.tunnels.add(plan.id)
    const cancel = (): void => void stop(plan.id, 0)
    signal?.addEventListener('abort', cancel, { once: true })
    try {
      const listening = await thread.start(plan)
      signal?.throwIfAborted()
      return listening!
    } catch (thrown) {
      if (homes.get(plan.id) === thread) release(plan.id)
      throw wasAborted(signal) ? new PorticoError('app/cancelled', {}, thrown) : thrown
    } finally {
      signal?.removeEventListener('abort', cancel)
    }
  }
  const stop = async (tunnel: string, drainMs = DRAIN_MS): Promise<void> => {
    const thread = homes.get(tunnel)
    if (thread === undefined) return
    // A thread that dies meanwhile has stopped its tunnels too.
    await thread.call({ type: 'stop', tunnel, drainMs }).catch(thrown => log.debug('engine.stop-failed', { tunnel }, thrown))
    if (homes.get(tunnel) === thread) release(tunnel)
  }

  const homeOf = (tunnel: string): EngineThread => {
    const thread = homes.get(tunnel)
    if (thread === undefined) throw new PorticoError('tunnel/not-found', { tunnel })
    return thread
  }

  return {
    start,
    stop,
    connections: async tunnel => homeOf(tunnel).connections(tunnel),
    closeConnection: async (tunnel, connection) => {
      await homeOf(tunnel).call({ type: 'close-connection', tunnel, connection })
    },
    forget: async tunnel => {
      await homes.get(tunnel)?.call({ type: 'forget', tunnel })
    },
    onEvent: listener => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close: (drainMs = DRAIN_MS) =>
      (closed ??= Promise.all([...threads].map(thread => thread.close(drainMs))).then(() => {
        threads.clear()
        homes.clear()
      })),
  }
}
