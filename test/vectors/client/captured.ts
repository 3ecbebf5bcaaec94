import { readFileSync } from 'node:fs'
import type { WebAnswer } from '../../../electron/client/web-request.ts'

export const capturedBytes = (path: string): Buffer => readFileSync(new URL(path, import.meta.url))

/** The bytes of an answer on the wire. */
export const capturedResponse = (name: string): Buffer => capturedBytes(`web/${name}.response.txt`)

/** An answer as a reader of HTTP gives it. */
export function capturedAnswer(name: string): WebAnswer {
  const bytes = capturedResponse(name).toString('utf8')
  const end = bytes.indexOf('\r\n\r\n')
  const [first = '', ...lines] = bytes.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )
  let text = bytes.slice(end + 4)
  if (headers['transfer-encoding'] === 'chunked') {
    let joined = ''
    for (;;) {
      const length = Number.parseInt(text, 16)
      const start = text.indexOf('\r\n') + 2
      if (length === 0) break
      joined += text.slice(start, start + length)
      text = text.slice(start + length + 2)
    }
    text = joined
  }
  return { status: Number(first.split(' ')[1]), headers, text }
}
