import type { ReadStream } from 'node:tty'
import { PorticoError } from '../../shared/errors.ts'
import { printable } from '../../shared/printable.ts'

/** Where a password and a one-time code come from; never from a flag. */
export interface Secrets {
  /** @throws PorticoError `login/required` when nobody can be asked */
  password(question: string): Promise<string>
  /** @throws PorticoError `login/code-needed` */
  code(question: string): Promise<string>
}

export interface SecretSources {
  readonly passwordStdin: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: NodeJS.ReadStream
  readonly stderr: NodeJS.WriteStream
  readonly signal: AbortSignal
  /** For `facts` of the failure. */
  readonly proxy: string
}

/** A line longer than this is not a password. */
const LONGEST = 4096

export function openSecrets(from: SecretSources): Secrets {
  const lines = from.passwordStdin ? readLines(from.stdin, from.signal) : undefined
  const ask = async (
    name: 'PORTICO_PASSWORD' | 'PORTICO_OTP',
    question: string,
    missing: 'login/required' | 'login/code-needed',
  ): Promise<string> => {
    const line = await lines?.()
    if (line !== undefined) return line
    const given = from.env[name]
    if (given !== undefined && given !== '') return given
    if (lines === undefined && isTerminal(from.stdin)) return promptHidden(from.stdin, from.stderr, question, from.signal)
    throw new PorticoError(missing, { proxy: from.proxy })
  }
  return {
    password: question => ask('PORTICO_PASSWORD', question, 'login/required'),
    code: question => ask('PORTICO_OTP', question, 'login/code-needed'),
  }
}

export function isTerminal(stream: NodeJS.ReadStream): stream is ReadStream {
  return stream.isTTY === true && typeof stream.setRawMode === 'function'
}

/** Reads a line at a time, so that a pipe which stays open does not hold us up. */
function readLines(stdin: NodeJS.ReadStream, signal: AbortSignal): () => Promise<string | undefined> {
  let text = ''
  let ended = false
  const chunks = stdin[Symbol.asyncIterator]()
  return async () => {
    for (;;) {
      const end = text.indexOf('\n')
      if (end >= 0) {
        const line = text.slice(0, end)
        text = text.slice(end + 1)
        return line.replace(/\r$/, '')
      }
      if (ended) {
        const rest = text
        text = ''
        return rest === '' ? undefined : rest.replace(/\r$/, '')
      }
      if (text.length > LONGEST) throw new PorticoError('usage/invalid', { why: 'standard input has no line that could be a password' })
      const next = await orAborted(chunks.next(), signal)
      if (next.done === true) ended = true
      else text += String(next.value)
    }
  }
}

async function orAborted<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let stop = (): void => {}
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : new PorticoError('app/cancelled'))
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    return await Promise.race([wanted, aborted])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Asks on the terminal without echo. In raw mode Ctrl-C arrives as a byte: it is turned back into the signal. */
export function promptHidden(stdin: ReadStream, stderr: NodeJS.WriteStream, question: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = ''
    let isOver = false
    const finish = (): void => {
      isOver = true
      stdin.setRawMode(false)
      stdin.pause()
      stdin.off('data', take)
      signal.removeEventListener('abort', cancel)
      stderr.write('\n')
    }
    const cancel = (): void => {
      if (isOver) return
      finish()
      reject(new PorticoError('app/cancelled'))
    }
    const take = (chunk: Buffer | string): void => {
      for (const character of String(chunk)) {
        if (character === '\r' || character === '\n') {
          finish()
          return resolve(typed)
        }
        if (character === '\u0003') {
          process.emit('SIGINT')
          return cancel()
        }
        if (character === '\u0004' && typed === '') return cancel()
        if (character === '\u007f' || character === '\b') typed = [...typed].slice(0, -1).join('')
        else if (character === '\u0015') typed = ''
        else if (character >= ' ' && typed.length < LONGEST) typed += character
      }
    }
    if (signal.aborted) return reject(new PorticoError('app/cancelled'))
    stderr.write(`${printable(question)} `)
    stdin.setEncoding('utf8')
    stdin.setRawMode(true)
    stdin.on('data', take)
    signal.addEventListener('abort', cancel, { once: true })
    stdin.resume()
  })
}
