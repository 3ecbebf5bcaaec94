import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2'
import type { Log } from '../../log/log.ts'
import { grpcFrame, GrpcFrameReader } from '../../wire/grpc-frames.ts'
import { encodeGrpcMessage, GRPC } from '../../wire/grpc-status.ts'
import { findMethod } from './grpc-calls.ts'
import { openRequests, tooLong } from './grpc-requests.ts'
import type { CallContext, RpcMethod } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** A request that is not whole by then is given up; ms. */
const REQUEST_DEADLINE_MS = 30_000

const INTERNAL = new RpcRefusal(GRPC.unknown, 'internal error')

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
    if (method.kind === 'conversation') return await converse(stream, method.converse, context)
    const messages = await method.answer(await readRequest(stream), context)
    if (stream.destroyed || stream.headersSent) return
    beginAnswer(stream, () => STATUS_OK)
    for (const message of messages) stream.write(grpcFrame(message))
    stream.end()
  } catch (thrown) {
    const refusal = RpcRefusal.from(thrown)
    if (refusal === undefined) log.error('auth.rpc-failed', { path: String(headers[':path']).slice(0, 200) }, thrown)
    refuse(stream, refusal ?? INTERNAL, 200)
  }
}

type Trailers = Readonly<Record<'grpc-status' | 'grpc-message', string>>
const STATUS_OK: Trailers = { 'grpc-status': '0', 'grpc-message': '' }
const statusOf = ({ code, message }: RpcRefusal): Trailers => ({ 'grpc-status': String(code), 'grpc-message': encodeGrpcMessage(message) })

function beginAnswer(stream: ServerHttp2Stream, status: () => Trailers): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers({ ...status() }))
}

/** Messages go out as they are made; a refusal after the first of them can only travel in trailers. */
async function converse(
  stream: ServerHttp2Stream,
  run: Extract<RpcMethod, { kind: 'conversation' }>['converse'],
  context: CallContext,
): Promise<void> {
  const requests = openRequests(stream)
  let status = STATUS_OK
  try {
    for await (const message of run(requests.next, context)) {
      if (stream.destroyed) return
      if (!stream.headersSent) beginAnswer(stream, () => status)
      stream.write(grpcFrame(message))
    }
  } catch (thrown) {
    if (!stream.headersSent) throw thrown
    const refusal = RpcRefusal.from(thrown)
    status = statusOf(refusal ?? INTERNAL)
    if (refusal === undefined) {
      stream.end()
      throw thrown
    }
  } finally {
    requests.close()
  }
  stream.end()
}

function refuse(stream: ServerHttp2Stream, refusal: RpcRefusal, status: number): void {
  if (stream.destroyed || stream.headersSent) return
  const answer = {
    ':status': status,
    'content-type': 'application/grpc',
    ...statusOf(refusal),
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
