import { Agent, request, type IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { formatAddress, type Address } from '../../shared/address.ts'
import { ALPN } from '../../shared/protocols.ts'
import { PorticoError } from '../../shared/errors.ts'
import { checkCaPin } from './ca-pin.ts'
import type { Trust } from './client.ts'
import { connectionError, serverWords } from './client-errors.ts'
import { dialTls, isLoopback } from './dial-tls.ts'
import { webContext } from './roots.ts'
import { certificateError, isAboutTime, shownCertificate, type ShownCertificate } from './web-certificate.ts'

export interface WebRequest {
  readonly address: Address
  readonly trust: Trust
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** Of the answer's body, bytes. */
  readonly limit: number
  /** For connecting and shaking hands; the answer may take as long again. */
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  readonly now?: (() => number) | undefined
}

export interface WebAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** SHA-256 fingerprint of a web certificate that was accepted although no root vouches for it. */
  readonly unverified?: string
}

/**
 * One exchange with the proxy's web API; redirects are not followed. Nothing is sent before the certificate is accepted.
 * @throws PorticoError `proxy/*`, `usage/invalid` (`--insecure` for an address of others), `wire/too-long`, `app/cancelled`
 */
export async function webRequest(ask: WebRequest): Promise<WebAnswer> {
  const { address, trust } = ask
  if (trust.insecure && trust.caPin === undefined && !isLoopback(address.host)) {
    throw new PorticoError('usage/invalid', { why: '--insecure is for loopback addresses, or together with --ca-pin' })
  }
  const socket = await dialTls({
    address,
    alpn: [ALPN.http11],
    context: await webContext(trust),
    deadlineMs: ask.deadlineMs,
    signal: ask.signal,
  })
  const agent = new OneConnection(socket)
  try {
    if (socket.authorized) return await exchange(ask, agent)
    const shown = shownCertificate(socket)
    await accept(ask, shown, agent)
    return { ...(await exchange(ask, agent)), unverified: shown.certificate?.fingerprint256 ?? '' }
  } finally {
    agent.destroy()
    socket.destroy()
  }
}

/** A better error text is not worth a longer wait. */
const TIME_MS = 2_000

/** A certificate that no root vouches for: by pin, by `--insecure`, or not at all. */
async function accept(ask: WebRequest, shown: ShownCertificate, agent: Agent): Promise<void> {
  const { address, trust, now = Date.now } = ask
  if (trust.caPin !== undefined) {
    const path = '/webapi/auth/export?type=tls-host'
    const { status, text } = await exchange({ ...ask, method: 'GET', path, body: undefined, limit: 256 * 1024 }, agent)
    return checkCaPin(status === 200 ? text : '', trust.caPin, address)
  }
  if (trust.insecure) return
  const serverTime = isAboutTime(shown) ? await timeOf(ask, agent) : undefined
  throw certificateError(shown, address, now(), serverTime)
}

/** Only good for a better error text: an unverified server said it. */
async function timeOf(ask: WebRequest, agent: Agent): Promise<number | undefined> {
  const question = { ...ask, method: 'GET', path: '/webapi/find', body: undefined, limit: 64 * 1024, deadlineMs: TIME_MS } as const
  const answer = await exchange(question, agent).catch(() => undefined)
  const time = Date.parse(answer?.headers.date ?? '')
  return Number.isNaN(time) ? undefined : time
}

function exchange(ask: WebRequest, agent: Agent): Promise<WebAnswer> {
  const { address, signal } = ask
  const proxy = formatAddress(address)
  return new Promise((resolve, reject) => {
    const body = ask.body === undefined ? undefined : Buffer.from(JSON.stringify(ask.body))
    const fail = (error: unknown): void => {
      done()
      outgoing.destroy()
      reject(connectionError(error, address))
    }
    const cancel = (): void => fail(new PorticoError('app/cancelled', {}, signal?.reason))
    const timer = setTimeout(() => fail(new PorticoError('proxy/timeout', { proxy })), ask.deadlineMs)
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
    const outgoing = request({
      agent,
      method: ask.method,
      path: ask.path,
      headers: {
        Host: proxy,
        'User-Agent': 'portico',
        Accept: 'application/json',
        // Teleport's guard against forged requests: without it a POST is refused. wire/webapi.md 1
        ...(body === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': body.length }),
      },
    })
    outgoing.on('error', fail)
    outgoing.on('response', answer => {
      const parts: Buffer[] = []
      let length = 0
      answer.on('error', fail)
      answer.on('data', (part: Buffer) => {
        parts.push(part)
        length += part.length
        if (length > ask.limit) fail(new PorticoError('wire/too-long', { proxy, why: `its answer is longer than ${ask.limit} bytes` }))
      })
      answer.on('end', () => {
        done()
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text: Buffer.concat(parts).toString('utf8') })
      })
    })
    if (signal?.aborted === true) return cancel()
    signal?.addEventListener('abort', cancel)
    outgoing.end(body)
  })
}

/** Gives every request the connection whose certificate was looked at, and no other. */
class OneConnection extends Agent {
  readonly #socket: Duplex

  constructor(socket: Duplex) {
    super({ keepAlive: true, maxSockets: 1 })
    this.#socket = socket
  }

  override createConnection(): Duplex {
    return this.#socket
  }
}

/** What a server says about an error: Teleport's JSON, an older one's, or the beginning of any page. wire/webapi.md 1.1 */
export function errorText({ status, text }: WebAnswer): string {
  try {
    const value = JSON.parse(text) as { error?: { message?: unknown } | null; message?: unknown } | null
    const message = value?.error?.message ?? value?.message
    if (typeof message === 'string' && message !== '') return serverWords(message)
  } catch {
    /* a page of a load balancer */
  }
  const words = serverWords(text.replace(/<[^>]*>/g, ' '), 200)
  return words === '' ? `status ${status}` : `status ${status}: ${words}`
}
