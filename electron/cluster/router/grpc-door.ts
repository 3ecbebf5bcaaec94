import { constants, performServerHandshake, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { encodeGrpcMessage, GRPC } from '../../wire/grpc-status.ts'
import { closeGently } from './close-gently.ts'
import type { Handler, Handshake } from './route.ts'

/** Serves one call, whose request head has been read. Owns the stream. */
export type GrpcMethod = (call: ServerHttp2Stream, headers: IncomingHttpHeaders, handshake: Handshake) => void

/** Methods by service: `{ 'proto.JoinService': { RegisterUsingToken: … } }`. A service without methods is known, and has none. */
export type GrpcServices = Readonly<Record<string, Readonly<Record<string, GrpcMethod>>>>

export interface GrpcDoor {
  /** HTTP/2 on a decrypted stream, whatever ALPN said. */
  readonly serve: Handler
  /** Ends every connection after its running calls. Idempotent. */
  close(): void
}

/** A connection without a call for so long is over; ms. */
const IDLE_MS = 360_000
const MAX_STREAMS = 100

/**
 * One of the proxy's gRPC servers. What nobody registered is UNIMPLEMENTED, in grpc-go's words. [captured] fixtures: grpc-doors.json
 * @param restricted whether certificates for one use only (databases, applications) get in
 */
export function openGrpcDoor(services: GrpcServices, restricted: 'taken' | 'refused' = 'taken'): GrpcDoor {
  const sessions = new Set<ServerHttp2Session>()

  return {
    serve(stream, handshake) {
      stream.on('error', () => stream.destroy())
      if (restricted === 'refused' && (handshake.identity?.usage.length ?? 0) > 0) return closeGently(stream)
      const session = openSession(stream)
      sessions.add(session)
      session.once('close', () => sessions.delete(session))
      session.on('stream', (call, headers) => serveCall(call, headers, services, handshake))
    },
    close() {
      for (const session of sessions) session.close()
    },
  }
}

function openSession(stream: Duplex): ServerHttp2Session {
  // Only tls.Server clears this flag, and node:http2 waits for ever on a socket that has it.
  Object.assign(stream, { secureConnecting: false })
  const session = performServerHandshake(stream, { settings: { maxConcurrentStreams: MAX_STREAMS }, maxSessionMemory: 32 })
  session.on('error', () => session.destroy())
  session.once('close', () => stream.destroy())
  session.setTimeout(IDLE_MS, () => session.destroy())
  return session
}

function serveCall(call: ServerHttp2Stream, headers: IncomingHttpHeaders, services: GrpcServices, handshake: Handshake): void {
  call.on('error', () => call.destroy())
  const type = headers['content-type'] ?? ''
  if (!/^application\/grpc(?:[+;]|$)/.test(type))
    return refuse(call, 415, GRPC.invalidArgument, `invalid gRPC request content-type "${type}"`)
  if (headers[':method'] !== 'POST') return refuse(call, 405, GRPC.internal, 'method must be POST')
  const path = headers[':path'] ?? ''
  const found = /^\/(.*)\/([^/]*)$/.exec(path)
  if (found === null) return refuse(call, 200, GRPC.unimplemented, `malformed method name: "${path}"`)
  const [, service = '', method = ''] = found
  const methods = Object.hasOwn(services, service) ? services[service] : undefined
  if (methods === undefined) return refuse(call, 200, GRPC.unimplemented, `unknown service ${service}`)
  const serve = Object.hasOwn(methods, method) ? methods[method] : undefined
  if (serve === undefined) return refuse(call, 200, GRPC.unimplemented, `unknown method ${method} for service ${service}`)
  serve(call, headers, handshake)
}

/** Trailers-only, as Go's server writes it. */
function refuse(call: ServerHttp2Stream, status: number, code: number, message: string): void {
  const answer = {
    ':status': status,
    'content-type': 'application/grpc',
    'grpc-status': String(code),
    'grpc-message': encodeGrpcMessage(message),
  }
  call.respond(answer, { endStream: true })
  // What the client still sends of its request goes nowhere.
  if (!call.readableEnded) call.close(constants.NGHTTP2_NO_ERROR)
}
