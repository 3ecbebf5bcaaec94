import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2'
import { PorticoError } from '../../../shared/errors.ts'

export type WebRequest = IncomingMessage | Http2ServerRequest
export type WebResponse = ServerResponse | Http2ServerResponse

/** What a request is answered with. `api` carries the headers of Teleport's API router, `export` those of auth/export, `bare` none. */
export interface Answer {
  readonly status: number
  readonly headers: 'api' | 'not-found' | 'export' | 'bare'
  readonly contentType: string
  readonly body: string | Buffer
  readonly location?: string
}

/** A refusal with its status and Teleport's words. Teleport: trace.ErrorToCode; wire/webapi.md 1.1 */
export class WebRefusal extends Error {
  override readonly name = 'WebRefusal'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

const JSON_TYPE = 'application/json'
const TEXT_TYPE = 'text/plain; charset=utf-8'

export function jsonAnswer(value: unknown): Answer {
  return { status: 200, headers: 'api', contentType: JSON_TYPE, body: JSON.stringify(value) }
}

/** v13 indents error bodies by 4 and sends `error.message` only. [captured] */
export function refusalAnswer(status: number, message: string): Answer {
  return { status, headers: 'api', contentType: JSON_TYPE, body: JSON.stringify({ error: { message } }, null, 4) }
}

export const NOT_FOUND: Answer = { status: 404, headers: 'not-found', contentType: TEXT_TYPE, body: '404 page not found\n' }

export function exportAnswer(body: string | Buffer): Answer {
  return { status: 200, headers: 'export', contentType: TEXT_TYPE, body }
}

export function exportRefusal(message: string): Answer {
  return { status: 400, headers: 'export', contentType: TEXT_TYPE, body: `${message}\n` }
}

export function redirectAnswer(location: string): Answer {
  const shown = location.replaceAll('&', '&amp;').replaceAll('"', '&#34;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  return { status: 302, headers: 'bare', contentType: 'text/html; charset=utf-8', body: `<a href="${shown}">Found</a>.\n\n`, location }
}

const STATUS_OF_CODE: Readonly<Record<string, number>> = {
  'login/refused': 403,
  'login/unsupported': 403,
  'access/denied': 403,
  'usage/invalid': 400,
  'login/too-many-tries': 429,
  'resource/not-found': 404,
}

/** Anything thrown while answering. What nobody foresaw says nothing about its cause. */
export function answerForThrown(thrown: unknown): Answer {
  if (thrown instanceof WebRefusal) return refusalAnswer(thrown.status, thrown.message)
  if (!(thrown instanceof PorticoError)) return refusalAnswer(500, 'internal server error')
  const status = STATUS_OF_CODE[thrown.code] ?? 500
  const known = status !== 500 || thrown.code === 'wire/malformed'
  return refusalAnswer(status, known && typeof thrown.facts['why'] === 'string' ? thrown.facts['why'] : 'internal server error')
}

const NO_CACHE = { 'Cache-Control': 'no-cache, no-store, must-revalidate', Expires: '0', Pragma: 'no-cache' } as const
const SAFETY = {
  'Referrer-Policy': 'strict-origin',
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'SAMEORIGIN',
  'X-Xss-Protection': '1; mode=block',
} as const

function headersOf(answer: Answer, date: string): [name: string, value: string][] {
  const length = Buffer.byteLength(answer.body)
  const named: Record<string, string> = { 'Content-Type': answer.contentType }
  if (answer.headers === 'api') Object.assign(named, NO_CACHE, SAFETY)
  else if (answer.headers === 'not-found') Object.assign(named, SAFETY)
  else if (answer.headers === 'export' && answer.status === 200) Object.assign(named, { 'Accept-Ranges': 'bytes', 'Last-Modified': date })
  else if (answer.headers === 'export') named['X-Content-Type-Options'] = 'nosniff'
  if (answer.location !== undefined) named['Location'] = answer.location
  // Go writes a handler's headers in alphabetical order and its own after them; auth/export sets its length itself.
  if (answer.headers === 'export' && answer.status === 200) named['Content-Length'] = String(length)
  const sorted = Object.entries(named).toSorted(([a], [b]) => (a < b ? -1 : 1))
  sorted.push(['Date', date])
  if (named['Content-Length'] === undefined) sorted.push(['Content-Length', String(length)])
  return sorted
}

export function sendAnswer(request: WebRequest, response: WebResponse, answer: Answer, now: number): void {
  const date = new Date(now).toUTCString()
  response.statusCode = answer.status
  response.sendDate = false
  for (const [name, value] of headersOf(answer, date)) response.setHeader(name, value)
  // As Go: `Connection` is sent only when the connection ends.
  if ('shouldKeepAlive' in response && response.shouldKeepAlive) response.removeHeader('Connection')
  if (request.method === 'HEAD') response.end()
  else response.end(answer.body)
}
