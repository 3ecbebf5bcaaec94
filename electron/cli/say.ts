import { oneLine, wordsFor } from '../../shared/words.ts'
import type { Failure } from '../../shared/errors.ts'
import { hasUnprintable, printable } from '../../shared/printable.ts'

/** What a command writes. stdout is for its result only; everything else goes to stderr. */
export interface Say {
  readonly json: boolean
  /** One JSON document, or one line of several. Never raw control characters: JSON leaves DEL, C1 and bidi marks as they are. */
  value(value: unknown): void
  /** Lines of text for a person; control characters are shown, not sent. */
  text(...lines: readonly string[]): void
  /** Progress and hints: not with --quiet. */
  hint(...lines: readonly string[]): void
  /** Shown always. */
  warn(line: string): void
  failure(failure: Failure): void
}

export interface Sink {
  write(text: string): unknown
}

export interface SayOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly stdout: Sink
  readonly stderr: Sink
}

export function openSay({ json, quiet, stdout, stderr }: SayOptions): Say {
  const say: Say = {
    json,
    value: value => void stdout.write(`${safeJson(value)}\n`),
    text: (...lines) => void stdout.write(lines.map(line => `${printable(line)}\n`).join('')),
    hint(...lines) {
      if (!quiet) stderr.write(lines.map(line => `${printable(line)}\n`).join(''))
    },
    warn: line => void stderr.write(`portico: ${printable(line)}\n`),
    failure(failure) {
      if (json) return say.value({ error: errorObject(failure) })
      stderr.write(`portico: ${printable(oneLine(failure))}\nTry: ${printable(wordsFor(failure).next)}\n`)
    },
  }
  return say
}

/** `facts` lets our own programs tell the failure on in their own words. */
export function errorObject(failure: Failure): Readonly<Record<string, unknown>> {
  return { code: failure.code, message: oneLine(failure), hint: wordsFor(failure).next, facts: failure.facts }
}

export function safeJson(value: unknown): string {
  const text = JSON.stringify(value)
  if (!hasUnprintable(text)) return text
  // Valid JSON holds such characters inside strings only, where an escape means the same.
  return [...text]
    .map(character =>
      hasUnprintable(character)
        ? [...character]
            .flatMap(c => c.split(''))
            .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
            .join('')
        : character,
    )
    .join('')
}
