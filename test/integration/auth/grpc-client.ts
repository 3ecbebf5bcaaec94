import type { ClientHttp2Session } from 'node:http2'
import { create, fromBinary, toBinary, type DescMessage, type MessageInitShape, type MessageShape } from '@bufbuild/protobuf'
import { expect } from 'vitest'
import { grpcFrame, GrpcFrameReader } from '../../../electron/wire/grpc-frames.ts'
import { decodeGrpcMessage } from '../../../electron/wire/grpc-status.ts'

/** gRPC calls by hand, for what no client would do. */

export interface Reply {
  readonly status: number
  readonly http: number
  readonly message: string
  readonly bodies: readonly Buffer[]
  readonly trailersOnly: boolean
}

export function rawCall(on: ClientHttp2Session, path: string, body: Buffer, type = 'application/grpc'): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const stream = on.request({ ':method': 'POST', ':path': path, te: 'trailers', 'content-type': type })
    const reader = new GrpcFrameReader()
    const bodies: Buffer[] = []
    let headers: Record<string, unknown> = {}
    let trailers: Record<string, unknown> | undefined
    stream.on('response', got => (headers = got)).on('trailers', got => (trailers = got))
    stream.on('data', (chunk: Buffer) => bodies.push(...reader.push(chunk)))
    stream.once('error', reject).once('close', () => {
      const told = trailers ?? headers
      if (told['grpc-status'] === undefined) return reject(new Error('closed without status'))
      resolve({
        status: Number(told['grpc-status']),
        http: Number(headers[':status']),
        message: decodeGrpcMessage(String(told['grpc-message'])),
        bodies,
        trailersOnly: trailers === undefined,
      })
    })
    stream.end(body)
  })
}

export async function call<I extends DescMessage, O extends DescMessage>(
  on: ClientHttp2Session,
  desc: { parent: { typeName: string }; name: string; input: I; output: O },
  request: MessageInitShape<I>,
): Promise<MessageShape<O>> {
  const reply = await rawCall(on, `/${desc.parent.typeName}/${desc.name}`, grpcFrame(toBinary(desc.input, create(desc.input, request))))
  if (reply.status !== 0) throw Object.assign(new Error(reply.message), { status: reply.status, trailersOnly: reply.trailersOnly })
  return fromBinary(desc.output, reply.bodies[0]!)
}
/** A status that came as trailers only. */
export const refused = (status: number, message: string | RegExp) =>
  expect.objectContaining({
    status,
    trailersOnly: true,
    message: typeof message === 'string' ? message : expect.stringMatching(message),
  }) as unknown
