import type { ServerHttp2Stream } from 'node:http2'
import { PorticoError } from '../../../shared/errors.ts'
import { GRPC_MESSAGE_LIMIT, GrpcFrameReader } from '../../wire/grpc-frames.ts'
import { GRPC } from '../../wire/grpc-status.ts'
import type { NextMessage } from './rpc-method.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** Between two messages of one client a person may have to look for a code. As long as Teleport keeps a challenge. */
const MESSAGE_MS = 5 * 60_000
/** A conversation has a few turns; who sends more than that ahead is no client of ours. */
const MAX_AHEAD = 8

export interface Requests {
  readonly next: NextMessage
  close(): void
}

/** The messages of a client that goes on speaking, one at a time. */
export function openRequests(stream: ServerHttp2Stream): Requests {
  const reader = new GrpcFrameReader()
  const ready: Buffer[] = []
  let over: RpcRefusal | undefined
  let wake = (): void => {}

  const end = (why: RpcRefusal): void => {
    over ??= why
    wake()
  }
  const take = (chunk: Buffer): void => {
    try {
      ready.push(...reader.push(chunk))
      if (ready.length > MAX_AHEAD) throw new RpcRefusal(GRPC.resourceExhausted, 'too many messages ahead of their answers')
      wake()
    } catch (thrown) {
      end(RpcRefusal.from(tooLong(thrown) ?? thrown) ?? new RpcRefusal(GRPC.internal, 'unreadable request'))
    }
  }
  const ended = (): void => end(new RpcRefusal(GRPC.internal, 'unexpected EOF'))
  const closed = (): void => end(new RpcRefusal(GRPC.cancelled, 'the call was cancelled'))
  stream.on('data', take).once('end', ended).once('close', closed)

  return {
    async next() {
      const late = setTimeout(() => end(new RpcRefusal(GRPC.deadlineExceeded, 'the request did not come in time')), MESSAGE_MS)
      try {
        while (ready.length === 0 && over === undefined) await new Promise<void>(resolve => (wake = resolve))
      } finally {
        clearTimeout(late)
      }
      const message = ready.shift()
      if (message === undefined) throw over!
      return message
    },
    close() {
      stream.off('data', take).off('end', ended).off('close', closed)
      stream.resume()
    },
  }
}

/** Go's text names both numbers. */
export function tooLong(thrown: unknown): RpcRefusal | undefined {
  if (!(thrown instanceof PorticoError) || thrown.code !== 'wire/too-long') return undefined
  return new RpcRefusal(
    GRPC.resourceExhausted,
    `grpc: received message larger than max (${String(thrown.facts['length'])} vs. ${GRPC_MESSAGE_LIMIT})`,
  )
}
