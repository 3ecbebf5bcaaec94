import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { GRPC_MESSAGE_LIMIT, grpcFrame, GrpcFrameReader } from '../../wire/grpc-frames.ts'
import { encodeGrpcMessage, GRPC } from '../../wire/grpc-status.ts'
import { findMethod } from './grpc-calls.ts'
import type { CallContext } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** A request that is not whole by then is given up; ms. */
const REQUEST_DEADLINE_MS = 30_000

/** Serves one call; never rejects. Refusals are trailers-only, as Go's server writes them. [captured] */
export async function serveCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, context: CallContext, log: Log): Promise<void> {
  stream.on('error', () => stream.destroy())
  try {
    const type = headers['content-type'] ?? ''
    if (!/^application\/grpc(?:[+;]|$)/.test(type)) {
      return refuse(stream, new RpcRefusal(GRPC.invalidArgument, `invalid gRPC request content-type "${type}"`), 415)
    }
    if (headers[':method'] !== 'POST') return refuse(stream, new RpcRefusal(GRPC.internal, 'method must be POST'), 405)
    const method = findMethod(headers[':path'] ?? '')
    const messages = await method.answer(await readRequest(stream), context)
    if (stream.destroyed || stream.headersSent) return
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': '' }))
    for (const message of messages) stream.write(grpcFrame(message))
    stream.end()
  } catch (thrown) {
    const refusal = RpcRefusal.from(thrown)
    if (refusal === undefined) log.error('auth.rpc-failed', { path: String(headers[':path']).slice(0, 200) }, thrown)
    refuse(stream, refusal ?? new RpcRefusal(GRPC.unknown, 'internal error'), 200)
  }
}

function refuse(stream: ServerHttp2Stream, refusal: RpcRefusal, status: number): void {
  if (stream.destroyed || stream.headersSent) return
  const answer = {
    ':status': status,
    'content-type': 'application/grpc',
    'grpc-status': String(refusal.code),
    'grpc-message': encodeGrpcMessage(refusal.message),
  }
  stream.respond(answer, { endStream: true })
  // What the client still sends of its request goes nowhere.
  if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
}

/** The one message of a unary or server-streaming call. */
function readRequest(stream: ServerHttp2Stream): Promise<Uint8Array> {
  const reader = new GrpcFrameReader()
  return new Promise((resolve, reject) => {
    let message: Buffer | undefined
    const deadline = setTimeout(() => fail(new RpcRefusal(GRPC.deadlineExceeded, 'the request did not come in time')), REQUEST_DEADLINE_MS)
    const settle = (): void => {
      clearTimeout(deadline)
      stream.off('data', take).off('end', ended).off('close', closed)
    }
    const fail = (thrown: unknown): void => {
      settle()
      stream.resume()
      reject(thrown as Error)
    }
    const take = (chunk: Buffer): void => {
      try {
        const messages = reader.push(chunk)
        if (messages.length > 1 || (messages.length === 1 && message !== undefined))
          throw new RpcRefusal(GRPC.internal, 'more than one request message')
        message ??= messages[0]
      } catch (thrown) {
        fail(tooLong(thrown) ?? thrown)
      }
    }
    const ended = (): void => {
      if (message === undefined || !reader.atBoundary) return fail(new RpcRefusal(GRPC.internal, 'unexpected EOF'))
      settle()
      resolve(message)
    }
    const closed = (): void => fail(new RpcRefusal(GRPC.cancelled, 'the call was cancelled'))
    stream.on('data', take).once('end', ended).once('close', closed)
  })
}

/** Go's text names both numbers. */
function tooLong(thrown: unknown): RpcRefusal | undefined {
  if (!(thrown instanceof PorticoError) || thrown.code !== 'wire/too-long') return undefined
  return new RpcRefusal(
    GRPC.resourceExhausted,
    `grpc: received message larger than max (${String(thrown.facts['length'])} vs. ${GRPC_MESSAGE_LIMIT})`,
  )
}
