import { IncomingMessage, type IncomingHttpHeaders } from 'node:http'
import type { Duplex } from 'node:stream'
import { acceptKey, CLOSE, closeFrame } from '../../wire/websocket.ts'
import { closeGently } from '../router/close-gently.ts'
import { pingFramed } from '../router/ping-framed.ts'
import { refusalAnswer, type Answer } from './answer.ts'
import { webSocketStream } from './websocket-stream.ts'

/** TLS routing through a load balancer that ends TLS: the connection inside goes through the router again. wire/alpn-sni.md 7 */
const PATH = /^(?:\/v1)?\/webapi\/connectionupgrade(?:\?|$)/

export const UPGRADE_PATH = '/webapi/connectionupgrade'

/** Teleport's service code never hands its own setting to the router either. wire/alpn-sni.md 6 */
const PING_EVERY_MS = 30_000

type UpgradeType = 'websocket' | 'alpn-ping' | 'alpn'

/** Best first: a WebSocket passes most balancers. */
const TYPES: readonly UpgradeType[] = ['websocket', 'alpn-ping', 'alpn']
const SUBPROTOCOLS = ['alpn-ping', 'alpn'] as const

/**
 * A request that asks for an upgrade even when its `Connection` or `Upgrade` header is gone: Teleport before 13.1 sends no `Connection`,
 * and some balancers eat `Upgrade`, for which `X-Teleport-Upgrade` is there. Node's parser stops at the head of one whose `upgrade` is
 * true, whatever the headers say, and hands over the rest.
 */
export class UpgradableRequest extends IncomingMessage {
  get upgrade(): boolean {
    return this.method === 'GET' && PATH.test(this.url ?? '') && upgradeTypeOf(this.headers) !== undefined
  }

  /** Node's parser sets what the headers say. */
  set upgrade(_byHeaders: boolean) {
    // The getter knows better.
  }
}

function askedTypes(headers: IncomingHttpHeaders): readonly string[] {
  return [headers['x-teleport-upgrade'] ?? [], headers['upgrade'] ?? []]
    .flat()
    .flatMap(list => list.split(','))
    .map(type => type.trim())
    .filter(type => type !== '')
}

function upgradeTypeOf(headers: IncomingHttpHeaders): UpgradeType | undefined {
  const asked = askedTypes(headers).map(type => type.toLowerCase())
  const type = TYPES.find(known => asked.includes(known))
  return type === 'websocket' && !isWebSocket(headers) ? undefined : type
}

function isWebSocket(headers: IncomingHttpHeaders): boolean {
  return headers['sec-websocket-version'] === '13' && /^[A-Za-z0-9+/]{22}==$/.test(headers['sec-websocket-key'] ?? '')
}

/** For a request that is none of ours. Teleport before 13.1 says 400; to newer clients 404 means "not here". */
export function refuseUpgrade(headers: IncomingHttpHeaders): Answer {
  return refusalAnswer(404, `unsupported upgrade types: [${askedTypes(headers).join(' ')}]`)
}

/**
 * Answers an upgrade and hands over what comes inside.
 * @param head what had come behind the request
 * @param serve owns the inner stream from then on
 */
export function serveUpgrade(
  request: UpgradableRequest,
  stream: Duplex,
  head: Buffer,
  serve: (inner: Duplex) => unknown,
  pingEveryMs = PING_EVERY_MS,
): void {
  const type = upgradeTypeOf(request.headers)
  stream.on('error', () => stream.destroy())
  if (type === undefined || stream.destroyed) return void stream.destroy()
  if (head.length > 0) stream.unshift(head)
  if (type === 'websocket') return serveWebSocket(request.headers, stream, serve, pingEveryMs)
  // The oldest clients know no more than this one line, which is what a server of their time sent. [captured]
  const isOld = type === 'alpn' && request.headers['x-teleport-upgrade'] === undefined
  stream.write(switching(isOld ? [`Upgrade: ${type}`] : [`Upgrade: ${type}`, `X-Teleport-Upgrade: ${type}`, 'Connection: Upgrade']))
  serve(type === 'alpn' ? stream : pingFramed(stream, pingEveryMs))
}

function serveWebSocket(headers: IncomingHttpHeaders, stream: Duplex, serve: (inner: Duplex) => unknown, pingEveryMs: number): void {
  const offered = (headers['sec-websocket-protocol'] ?? '').split(',').map(name => name.trim().toLowerCase())
  const chosen = SUBPROTOCOLS.find(known => offered.includes(known))
  const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${acceptKey(headers['sec-websocket-key'] ?? '')}`]
  stream.write(switching(chosen === undefined ? fields : [...fields, `Sec-WebSocket-Protocol: ${chosen}`]))
  if (chosen === undefined) {
    stream.write(closeFrame(CLOSE.unsupported, 'unknown or empty subprotocol'))
    void closeGently(stream)
    return
  }
  serve(webSocketStream(stream, chosen === 'alpn-ping' ? pingEveryMs : 0))
}

function switching(fields: readonly string[]): string {
  return `HTTP/1.1 101 Switching Protocols\r\n${fields.join('\r\n')}\r\n\r\n`
}
