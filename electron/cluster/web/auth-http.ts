import { createServer } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Log } from '../../log/log.ts'
import type { RpcCaller } from '../auth/rpc-method.ts'
import type { ListedCluster } from '../leaf/leaf-sites.ts'
import { jsonAnswer, NOT_FOUND, refusalAnswer, sendAnswer, type Answer, type WebRequest } from './answer.ts'

interface AuthHttpOptions {
  /** The leaf clusters. */
  readonly clusters: () => readonly ListedCluster[]
  readonly log: Log
  readonly now: () => number
}

export interface AuthHttp {
  /** Owns a stream whose client is known by its certificate. */
  serve(stream: Duplex, caller: RpcCaller): void
  /** Idempotent. */
  close(): void
}

/** A whole request must be here by then; also the longest pause between two. */
const HEAD_DEADLINE_MS = 30_000

/**
 * The older half of the auth API, HTTP/1.1 over mutual TLS: as much of it as version 13 has not moved to gRPC and a client for people
 * asks. `tsh clusters` does. Teleport: lib/auth/apiserver.go; wire/auth-grpc.md 3
 */
export function openAuthHttp({ clusters, log, now }: AuthHttpOptions): AuthHttp {
  const callers = new WeakMap<Duplex, RpcCaller>()
  const waits = new Map<Duplex, NodeJS.Timeout>()

  function answerTo({ method, url }: WebRequest, caller: RpcCaller): Answer {
    if (method !== 'GET' || url?.split('?')[0] !== '/v2/remoteclusters') return NOT_FOUND
    // A root's proxy has no business with clusters below this one.
    if (caller.kind === 'nop' || (caller.kind === 'service' && caller.role === 'RemoteProxy'))
      return refusalAnswer(403, 'access denied to perform action "list" on "remote_cluster"')
    return jsonAnswer(clusters().map(remoteCluster))
  }

  /** The server never listens, so Node's own deadlines do not run. */
  function wait(stream: Duplex): void {
    clearTimeout(waits.get(stream))
    if (!stream.destroyed) waits.set(stream, setTimeout(() => stream.destroy(), HEAD_DEADLINE_MS).unref())
  }

  const http = createServer({ maxHeaderSize: 16_384, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }, (request, response) => {
    const { socket } = request
    const caller = callers.get(socket)
    if (caller === undefined) return void socket.destroy()
    response.on('error', () => {})
    response.on('close', () => wait(socket))
    // Nothing here has a body: one that comes is not waited for.
    if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined)
      response.shouldKeepAlive = false
    const answer = answerTo(request, caller)
    log.debug('auth.http', { path: request.url?.slice(0, 200) ?? '', status: answer.status })
    sendAnswer(request, response, answer, now())
  })
  http.on('clientError', (_error, stream) => stream.destroy())

  return {
    serve(stream, caller) {
      stream.on('error', () => {})
      stream.once('close', () => {
        clearTimeout(waits.get(stream))
        waits.delete(stream)
      })
      callers.set(stream, caller)
      wait(stream)
      http.emit('connection', stream)
    },
    close() {
      for (const stream of waits.keys()) stream.destroy()
    },
  }
}

/** Go's zero time. */
const NEVER = '0001-01-01T00:00:00Z'

/** RemoteClusterV3. [captured: fixtures leaf/root-remote_cluster.yaml] */
function remoteCluster({ name, online, lastSeen }: ListedCluster): object {
  return {
    kind: 'remote_cluster',
    version: 'v3',
    metadata: { name },
    status: { connection: online ? 'online' : 'offline', last_heartbeat: lastSeen === 0 ? NEVER : new Date(lastSeen).toISOString() },
  }
}
