import type { Socket } from 'node:net'
import { contract, type Answer, type Ask, type EngineQuestion, type Reply } from '../../shared/contract.ts'
import { CONTROL_PROTOCOL, HelloShape, type FromEngine, type FromFace, type Hello } from '../../shared/control.ts'
import { PorticoError } from '../../shared/errors.ts'
import { AppStateShape, type AppState, type Change } from '../../shared/state.ts'
import type { Home } from '../app/context.ts'
import { connectPlace, readPlace } from './engine-place.ts'
import { LineReader, parseLine } from './line-reader.ts'

/** The engine of a home, seen from another process. */
export interface EngineClient {
  readonly hello: Hello
  /** @throws PorticoError what the engine failed with; `engine/gone` when it went away or does not answer in time */
  ask<Q extends EngineQuestion>(question: Q, ask: Ask<Q>): Promise<Answer<Q>>
  /** From now on every change is told. @returns the state that the first change follows on */
  watch(listener: (change: Change) => void): Promise<{ readonly revision: number; readonly state: AppState }>
  trustFile(proxy: string, path: string): Promise<void>
  /** Resolves when the engine went away, or after close(). */
  readonly ended: Promise<void>
  close(): void
}

/** A list of 10 000 databases is some 6 MB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024
const HELLO_MS = 5_000
/** A lab takes its time to start; nothing takes longer. */
const ANSWER_MS = 120_000

type Pending = { resolve(value: unknown): void; reject(error: PorticoError): void; readonly timer: NodeJS.Timeout }
type WithoutId<M> = M extends unknown ? Omit<M, 'id'> : never

/**
 * @returns undefined when no engine runs
 * @throws PorticoError `engine/gone` when one runs but cannot be spoken to, `state/unwritable`
 */
export async function connectEngine(home: Home): Promise<EngineClient | undefined> {
  const place = await readPlace(home)
  const socket = place === undefined ? undefined : await connectPlace(place)
  if (place === undefined || socket === undefined) return undefined
  if (place.secret !== null) socket.write(`${JSON.stringify({ secret: place.secret })}\n`)
  return speak(socket)
}

function speak(socket: Socket): Promise<EngineClient> {
  return new Promise((resolve, reject) => {
    const lines = new LineReader(MAX_ANSWER_BYTES)
    const pending = new Map<number, Pending>()
    const listeners = new Set<(change: Change) => void>()
    let asked = 0
    let why = new PorticoError('engine/gone')
    let ended = (): void => {}
    const gone = new Promise<void>(done => {
      ended = done
    })
    const fail = (error: PorticoError): void => {
      why = error
      socket.destroy()
    }
    const late = setTimeout(() => fail(new PorticoError('engine/gone', { why: 'it does not answer' })), HELLO_MS)

    const send = (message: WithoutId<FromFace>): Promise<unknown> => {
      const id = ++asked
      return new Promise((answer, refuse) => {
        if (!socket.writable) return refuse(why)
        const timer = setTimeout(() => {
          pending.delete(id)
          refuse(new PorticoError('engine/gone', { why: 'it does not answer' }))
        }, ANSWER_MS)
        pending.set(id, { resolve: answer, reject: refuse, timer })
        socket.write(`${JSON.stringify({ id, ...message })}\n`)
      })
    }
    const settle = (id: number | null, reply: Reply<never>): void => {
      const failure = reply.ok ? undefined : new PorticoError(reply.failure.code, reply.failure.facts)
      // An answer to nothing we asked: why it hangs up.
      if (id === null) return failure === undefined ? undefined : void (why = failure)
      const call = pending.get(id)
      pending.delete(id)
      clearTimeout(call?.timer)
      if (failure === undefined) call?.resolve((reply as { value: unknown }).value)
      else call?.reject(failure)
    }
    const client = (hello: Hello): EngineClient => ({
      hello,
      async ask(question, ask) {
        const answer = contract[question].answer.safeParse(await send({ question, ask }))
        if (!answer.success) throw otherVersion()
        return answer.data as never
      },
      async watch(listener) {
        listeners.add(listener)
        const { revision, state } = (await send({ watch: true })) as { revision: number; state: unknown }
        const shown = AppStateShape.safeParse(state)
        if (!shown.success) throw otherVersion()
        return { revision, state: shown.data }
      },
      async trustFile(proxy, path) {
        await send({ trust: { proxy, path } })
      },
      ended: gone,
      close: () => socket.destroy(),
    })
    const take = (message: FromEngine): void => {
      if ('change' in message) for (const listener of [...listeners]) listener(message.change)
      else if ('reply' in message) settle(message.id, message.reply as Reply<never>)
      else {
        clearTimeout(late)
        const hello = HelloShape.safeParse(message.hello)
        if (hello.data?.protocol === CONTROL_PROTOCOL) resolve(client(hello.data))
        else fail(otherVersion())
      }
    }
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) take(parseLine(line) as FromEngine)
      } catch (thrown) {
        fail(PorticoError.from(thrown))
      }
    })
    socket.once('close', () => {
      clearTimeout(late)
      reject(why)
      for (const { reject: refuse, timer } of pending.values()) {
        clearTimeout(timer)
        refuse(why)
      }
      pending.clear()
      ended()
    })
  })
}

const otherVersion = (): PorticoError =>
  new PorticoError('engine/gone', { why: 'it is of another version of Portico; end it with: portico engine stop' })
