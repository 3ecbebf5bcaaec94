import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2'
import { createServer as createHttpServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Address } from '../../../shared/address.ts'
import { ALPN } from '../../../shared/protocols.ts'
import type { Log } from '../../log/log.ts'
import type { Auth } from '../auth/auth.ts'
import type { Handler, Handshake } from '../router/route.ts'
import {
  answerForThrown,
  jsonAnswer,
  NOT_FOUND,
  redirectAnswer,
  refusalAnswer,
  sendAnswer,
  type Answer,
  type WebRequest,
  type WebResponse,
} from './answer.ts'
import { exportCa } from './export-ca.ts'
import { launcherFor } from './host-rule.ts'
import { mfaBegin, mfaFinish, sshCerts, type LoginCall } from './login.ts'
import { refuseUpgrade, serveUpgrade, UpgradableRequest, UPGRADE_PATH } from './connection-upgrade.ts'
import { findDocument, pingDocument } from './ping.ts'
import { singlePort, type ProxySettings } from './proxy-settings.ts'
import { RateLimit } from './rate-limit.ts'

/** A client that is connected must have sent a whole request head by then; also the longest pause between two requests. */
const HEAD_DEADLINE_MS = 30_000

export interface WebApiOptions {
  readonly auth: Auth
  /** Where the one port listens. Asked for each answer: port 0 is known late. */
  readonly listen: () => Address
  /** What is announced. Default: everything behind the one port. */
  readonly proxySettings?: () => ProxySettings
  /** The proxy's own names; the first is announced. */
  readonly publicAddresses: () => readonly Address[]
  /** Nothing but these paths, as on the port of the reverse tunnel. Default: all. */
  readonly only?: readonly string[]
  /** Further POST paths, such as `/webapi/host/credentials`. */
  readonly posts?: Readonly<Record<string, (request: WebRequest, clientIp: string) => Promise<Answer>>>
  /** Owns the stream of a connection upgrade, and routes what comes in it. Absent: upgrades are cut. */
  readonly serveUpgraded?: (stream: Duplex, outer: Handshake) => unknown
  readonly log: Log
  readonly now?: () => number
}

/** One TLS connection: the stream itself with HTTP/1.1, its session with HTTP/2. */
type Connection = Duplex | ServerHttp2Session

export interface WebApi {
  readonly serve: Handler
  /** Ends connections that wait for nothing, the others after their answer. Idempotent. */
  close(): void
}

/** System connectors that exist without configuration. Others would be SSO, which is not here. */
const CONNECTORS = ['local', 'passwordless', 'headless']

const LOGINS: Readonly<Record<string, { readonly limited: boolean; readonly answer: (call: LoginCall) => Promise<Answer> }>> = {
  '/webapi/ssh/certs': { limited: true, answer: sshCerts },
  '/webapi/mfa/login/begin': { limited: true, answer: mfaBegin },
  '/webapi/mfa/login/finish': { limited: false, answer: mfaFinish },
}

/** The proxy's HTTPS API for what a client needs to log in, over streams that the router has decrypted. wire/webapi.md */
export function openWebApi({
  auth,
  listen,
  publicAddresses,
  proxySettings,
  only,
  posts = {},
  log,
  serveUpgraded,
  now = Date.now,
}: WebApiOptions): WebApi {
  const limit = new RateLimit(now)
  const clients = new WeakMap<Connection, Handshake>()
  const waits = new Map<Connection, NodeJS.Timeout>()
  let closing = false

  function get(path: string, url: URL): Answer {
    const proxy = proxySettings?.() ?? singlePort(listen(), publicAddresses())
    const announced = { clusterName: auth.clusterName, secondFactor: auth.secondFactor, proxy }
    if (path === '/webapi/ping') return jsonAnswer(pingDocument(announced))
    if (path === '/webapi/find') return jsonAnswer(findDocument(announced))
    if (path === '/webapi/motd') return jsonAnswer({ Text: '' })
    if (path === '/.well-known/jwks.json') return jsonAnswer({ keys: [] })
    if (path === '/webapi/auth/export') return exportCa(auth, url.searchParams.get('type') ?? '')
    const connector = /^\/webapi\/ping\/([^/]+)$/.exec(path)?.[1]
    if (connector === undefined) return NOT_FOUND
    const name = decodeURIComponent(connector)
    return CONNECTORS.includes(name)
      ? jsonAnswer(pingDocument(announced, name))
      : refusalAnswer(400, `invalid connector name: ${name}; valid options: `)
  }

  async function post(path: string, request: WebRequest, clientIp: string): Promise<Answer> {
    const further = Object.hasOwn(posts, path) ? posts[path] : undefined
    if (further !== undefined) return further(request, clientIp)
    const login = Object.hasOwn(LOGINS, path) ? LOGINS[path] : undefined
    if (login === undefined) return NOT_FOUND
    if (login.limited && !limit.take(clientIp)) return refusalAnswer(429, 'max rate reached: retry-in 0s')
    return login.answer({ auth, request, clientIp })
  }

  async function answerTo(request: WebRequest, clientIp: string): Promise<Answer> {
    const url = URL.canParse(request.url ?? '', 'https://proxy.invalid') ? new URL(request.url ?? '', 'https://proxy.invalid') : undefined
    if (url === undefined) return NOT_FOUND
    const authority = request.headers[':authority'] ?? request.headers.host
    const launcher = launcherFor(typeof authority === 'string' ? authority : undefined, url, publicAddresses())
    if (launcher !== undefined) return redirectAnswer(launcher)
    const path = url.pathname.startsWith('/v1/') ? url.pathname.slice(3) : url.pathname
    if (only !== undefined && !only.includes(path)) return NOT_FOUND
    if (path === UPGRADE_PATH && request.method === 'GET') return refuseUpgrade(request.headers)
    if (request.method === 'GET' || request.method === 'HEAD') return get(path, url)
    return request.method === 'POST' ? post(path, request, clientIp) : NOT_FOUND
  }

  function answer(request: WebRequest, response: WebResponse): void {
    const connection = ('stream' in request ? request.stream.session : request.socket) as Connection | undefined
    const handshake = connection && clients.get(connection)
    if (connection === undefined || handshake === undefined) return void request.destroy()
    clearTimeout(waits.get(connection))
    waits.delete(connection)
    response.on('error', () => {})
    response.on('close', () => waitForHead(connection))
    answerTo(request, handshake.client.host)
      .catch((thrown: unknown) => {
        const refused = answerForThrown(thrown)
        if (refused.status === 500) log.warn('web.failed', { path: request.url ?? '' }, thrown)
        return refused
      })
      .then(found => {
        // A body that nobody read to its end cannot be skipped: after it the connection ends.
        if (!request.complete && 'shouldKeepAlive' in response) response.shouldKeepAlive = false
        log.debug('web.answered', {
          method: request.method ?? '',
          path: request.url ?? '',
          status: found.status,
          client: handshake.client.host,
        })
        sendAnswer(request, response, found, now())
      })
      .catch((thrown: unknown) => {
        log.error('web.broke', {}, thrown)
        request.destroy()
      })
  }

  /** The HTTP servers never listen, so Node's own head deadline does not run for them. */
  function waitForHead(connection: Connection): void {
    clearTimeout(waits.get(connection))
    waits.delete(connection)
    if (connection.destroyed) return
    if (closing) return endConnection(connection)
    waits.set(connection, setTimeout(() => connection.destroy(), HEAD_DEADLINE_MS).unref())
  }

  function accept(connection: Connection, handshake: Handshake): void {
    clients.set(connection, handshake)
    connection.on('error', () => {})
    connection.once('close', () => {
      clearTimeout(waits.get(connection))
      waits.delete(connection)
    })
    waitForHead(connection)
  }

  const http = createHttpServer(
    { maxHeaderSize: 16_384, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0, IncomingMessage: UpgradableRequest },
    answer,
  )
  http.on('upgrade', (request: UpgradableRequest, stream, head) => {
    const handshake = clients.get(stream)
    if (handshake === undefined || serveUpgraded === undefined) return void stream.destroy()
    clearTimeout(waits.get(stream))
    waits.delete(stream)
    log.debug('web.upgraded', { client: handshake.client.host })
    serveUpgrade(request, stream, head, inner => serveUpgraded(inner, handshake))
  })
  http.on('clientError', (_error, stream) => stream.destroy())
  const http2 = createHttp2Server({ settings: { maxConcurrentStreams: 100 } }, answer)
  http2.on('sessionError', () => {})
  let accepting: Handshake | undefined
  http2.on('session', session => {
    // Sessions are made within emit('connection'), which is how one is told apart from another.
    if (accepting !== undefined) accept(session, accepting)
  })

  function serve(stream: Duplex, handshake: Handshake): void {
    stream.on('error', () => {})
    if (handshake.negotiated === ALPN.h2) {
      accepting = handshake
      http2.emit('connection', stream)
      accepting = undefined
      return
    }
    accept(stream, handshake)
    http.emit('connection', stream)
  }

  return {
    serve,
    close() {
      closing = true
      for (const connection of waits.keys()) endConnection(connection)
      http.close()
      http2.close()
    },
  }
}

/** What was answered still leaves. */
function endConnection(connection: Connection): void {
  if ('end' in connection) connection.end()
  else connection.close()
}
