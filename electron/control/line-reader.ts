import { PorticoError } from '../../shared/errors.ts'

const NEWLINE = 0x0a

/** Splits a stream of bytes into lines, each no longer than a limit. Characters may be split between chunks. */
export class LineReader {
  readonly #limit: number
  #parts: Buffer[] = []
  #bytes = 0

  /** @param limit longest line, bytes */
  constructor(limit: number) {
    this.#limit = limit
  }

  /** Whether a line has begun that has not ended. */
  get midLine(): boolean {
    return this.#bytes > 0
  }

  /** @throws PorticoError `wire/too-long` */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = []
    let from = 0
    for (;;) {
      const end = chunk.indexOf(NEWLINE, from)
      const part = chunk.subarray(from, end < 0 ? chunk.length : end)
      if (this.#bytes + part.length > this.#limit)
        throw new PorticoError('wire/too-long', { why: `a line is longer than ${this.#limit} bytes` })
      if (end < 0) {
        if (part.length > 0) this.#parts.push(part)
        this.#bytes += part.length
        return lines
      }
      lines.push(this.#parts.length === 0 ? part.toString('utf8') : Buffer.concat([...this.#parts, part]).toString('utf8'))
      this.#parts = []
      this.#bytes = 0
      from = end + 1
    }
  }
}

/** @throws PorticoError `wire/malformed` */
export function parseLine(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch (error) {
    throw new PorticoError('wire/malformed', { why: 'a line is not JSON' }, error)
  }
}
