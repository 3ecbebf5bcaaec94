import { MessageChannel } from 'node:worker_threads'
import { PorticoError } from '../../shared/errors.ts'
import { runDataPlane } from '../../electron/engine/data-plane.ts'
import type { CredentialSource, EngineEvent, Listening, TunnelPlan } from '../../electron/engine/engine.ts'
import type { FromThread, ToThread } from '../../electron/engine/messages.ts'

export interface DataPlane {
  start(plan: TunnelPlan): Promise<Listening>
  stop(tunnel: string, drainMs?: number): Promise<void>
  forget(tunnel: string): Promise<void>
  readonly events: EngineEvent[]
  readonly asked: (string | null)[]
  /** The newest counters of a tunnel. */
  counters(tunnel: string): (EngineEvent & { type: 'counters' }) | undefined
  close(): Promise<void>
}

/** The data plane of the engine on this thread, spoken to by its real messages. */
export function openDataPlane(source: CredentialSource, now?: () => number): DataPlane {
  const { port1, port2 } = new MessageChannel()
  const events: EngineEvent[] = []
  const asked: (string | null)[] = []
  const calls = new Map<number, { resolve(listening: Listening | null): void; reject(error: Error): void }>()
  let called = 0
  let lists = 0
  runDataPlane(port2, now)
  port1.on('message', (message: FromThread) => {
    if (message.type === 'events') events.push(...message.events)
    else if (message.type === 'done') calls.get(message.call)?.resolve(message.listening)
    else if (message.type === 'failed') calls.get(message.call)?.reject(new PorticoError(message.failure.code, message.failure.facts))
    else if (message.type === 'ask') {
      asked.push(message.refused)
      source.credentials(message.tunnel, message.refused ?? undefined).then(
        credentials => port1.postMessage({ type: 'answer', question: message.question, credentials } satisfies ToThread),
        thrown =>
          port1.postMessage({
            type: 'no-answer',
            question: message.question,
            failure: PorticoError.from(thrown).toFailure(),
          } satisfies ToThread),
      )
    }
  })
  const call = (message: object): Promise<Listening | null> =>
    new Promise((resolve, reject) => {
      calls.set(++called, { resolve, reject })
      port1.postMessage({ ...message, call: called })
    })
  return {
    events,
    asked,
    start: async ({ upstream: { roots, ...upstream }, ...plan }) =>
      (await call({ type: 'start', plan: { ...plan, upstream }, list: ++lists, roots }))!,
    stop: async (tunnel, drainMs = 1_000) => void (await call({ type: 'stop', tunnel, drainMs })),
    forget: async tunnel => void (await call({ type: 'forget', tunnel })),
    counters: tunnel =>
      events.filter(event => event.type === 'counters' && event.tunnel === tunnel).at(-1) as
        | (EngineEvent & { type: 'counters' })
        | undefined,
    close: async () => {
      await call({ type: 'close', drainMs: 0 })
      port1.close()
    },
  }
}
