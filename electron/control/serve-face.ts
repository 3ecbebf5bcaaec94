import type { Socket } from 'node:net'
import { FromFaceShape, SecretShape, type FromEngine, type FromFace, type Hello } from '../../shared/control.ts'
import { PorticoError } from '../../shared/errors.ts'
import { answerQuestion } from '../app/answer-question.ts'
import type { App } from '../app/open-app.ts'
import type { Log } from '../log/log.ts'
import { LineReader, parseLine } from './line-reader.ts'

export interface FaceNeeds {
  /** Faces may come before it is there; their questions wait. */
  readonly app: Promise<Pick<App, 'answers' | 'read' | 'onChange' | 'trustFile'>>
  readonly log: Log
  /** Answers are held against the contract too: in tests and in a checkout, not in an installed app. */
  readonly checkAnswers: boolean
}

/** The longest question: 4 096 characters of text, escaped. */
const MAX_QUESTION_BYTES = 64 * 1024
/** A line that began must end, and a secret must come, in this time. */
const LINE_MS = 5_000
/** Questions of one face that are answered at once; more wait unread. */
const MAX_OPEN = 64
/** A face that does not read what it asked for is let go. */
const MAX_UNREAD_BYTES = 32 * 1024 * 1024

/**
 * Serves one face for as long as it stays.
 * @param knows whether it may ask at all, told what it said first where a secret is wanted
 */
export function serveFace(
  socket: Socket,
  hello: () => Hello,
  knows: (secret: string | undefined) => boolean,
  needs: FaceNeeds,
): { end(): void } {
  const lines = new LineReader(MAX_QUESTION_BYTES)
  let isKnown = false
  let open = 0
  let stopWatching: (() => void) | undefined
  let deadline: NodeJS.Timeout | undefined

  const say = (message: FromEngine): void => {
    if (!socket.writable) return
    socket.write(`${JSON.stringify(message)}\n`)
    if (socket.writableLength > MAX_UNREAD_BYTES) {
      needs.log.warn('control.unread', { bytes: socket.writableLength })
      socket.destroy()
    }
  }
  const cut = (thrown: unknown): void => {
    const error = PorticoError.from(thrown)
    needs.log.warn('control.refused', { code: error.code })
    say({ id: null, reply: { ok: false, failure: error.toFailure() } })
    socket.end()
  }
  const greet = (): void => {
    isKnown = true
    say({ hello: hello() })
  }

  const replyTo = async (message: FromFace): Promise<FromEngine> => {
    const { id } = message
    try {
      const app = await needs.app
      if ('question' in message)
        return { id, reply: await answerQuestion(message.question, message.ask, { ...needs, answers: app.answers }) }
      if ('watch' in message) {
        if (!socket.destroyed) stopWatching ??= app.onChange(change => say({ change }))
        return { id, reply: { ok: true, value: app.read() } }
      }
      await app.trustFile(message.trust.proxy, message.trust.path)
      return { id, reply: { ok: true, value: {} } }
    } catch (thrown) {
      return { id, reply: { ok: false, failure: PorticoError.from(thrown).toFailure() } }
    }
  }
  const take = (line: string): void => {
    const value = parseLine(line)
    if (!isKnown) {
      if (!knows(SecretShape.safeParse(value).data?.secret))
        throw new PorticoError('usage/invalid', { why: 'the secret of this home is wrong' })
      return greet()
    }
    const message = FromFaceShape.safeParse(value)
    if (!message.success) throw new PorticoError('usage/invalid', { why: 'this is no question' })
    if (++open >= MAX_OPEN) socket.pause()
    void replyTo(message.data).then(reply => {
      say(reply)
      if (--open < MAX_OPEN) socket.resume()
    })
  }

  const waitForLine = (): void => {
    clearTimeout(deadline)
    deadline = undefined
    if (isKnown && !lines.midLine) return
    deadline = setTimeout(() => cut(new PorticoError('wire/cut-short', { why: 'the line did not end in time' })), LINE_MS)
  }
  socket.on('data', (chunk: Buffer) => {
    if (!socket.writable) return
    try {
      for (const line of lines.push(chunk)) take(line)
      waitForLine()
    } catch (thrown) {
      clearTimeout(deadline)
      cut(thrown)
    }
  })
  socket.once('close', () => {
    clearTimeout(deadline)
    stopWatching?.()
  })
  if (knows(undefined)) greet()
  waitForLine()
  return {
    end: () => void socket.end(() => socket.destroy()),
  }
}
