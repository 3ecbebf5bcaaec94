import * as http2 from 'node:http2'
import { PorticoError } from '../../shared/errors.ts'
import { GRPC_MESSAGE_LIMIT, GrpcFrameReader, grpcFrame } from '../wire/grpc-frames.ts'
import type { AuthSession } from './auth-session.ts'
import { connectionError } from './client-errors.ts'
import { grpcError } from './grpc-errors.ts'
import { formatAddress, type Address } from '../../shared/address.ts'

export const DEADLINE_MS = 30_000

/** gRPC puts what went wrong into headers of these names, in front of or behind the messages. */
export interface Status {
  readonly code: number
  readonly message: string
}

/**
 * One gRPC call with one request and one answer. grpc/doc/PROTOCOL-HTTP2.md
 * @param method `/proto.AuthService/Ping`
 * @throws PorticoError by status (`facts.grpc`), `wire/*`, `proxy/*`, `login/expired`, `app/cancelled`
 */
export function callAuth(session: AuthSession, proxy: Address, method: string, request: Uint8Array, signal?: AbortSignal): Promise<Buffer> {
  const name = formatAddress(proxy)
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(new PorticoError('app/cancelled', {}, signal.reason))
    if (request.length > GRPC_MESSAGE_LIMIT)
      return reject(new PorticoError('wire/too-long', { proxy: name, why: 'the request is larger than a server takes' }))
    const stream = openStream(session, method)
    if (stream instanceof PorticoError) return reject(stream)
    const reader = new GrpcFrameReader()
    const messages: Buffer[] = []
    let status: Status | undefined
    let httpStatus = 0
    let settled = false

    const settle = (finish: () => void): void => {
      if (settled) return
      settled = true
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
      finish()
    }
    const fail = (error: PorticoError): void =>
      settle(() => {
        stream.close(http2.constants.NGHTTP2_CANCEL)
        reject(error)
      })
    const cancel = (): void => fail(new PorticoError('app/cancelled', {}, signal?.reason))
    const timer = setTimeout(() => {
      fail(new PorticoError('proxy/timeout', { proxy: name, method }))
      // A connection that went silent (sleep, a lost network) is not used again.
      session.close()
    }, DEADLINE_MS)
    signal?.addEventListener('abort', cancel)

    stream.on('response', headers => {
      httpStatus = headers[':status'] ?? 0
      status = statusOf(headers) ?? status
    })
    stream.on('trailers', headers => {
      status = statusOf(headers) ?? status
    })
    stream.on('data', (chunk: Buffer) => {
      try {
        messages.push(...reader.push(chunk))
        if (messages.length > 1) throw new PorticoError('wire/malformed', { why: 'two answers to one call' })
      } catch (error) {
        fail(connectionError(error, proxy))
      }
    })
    stream.on('error', error => fail(session.failure(error)))
    // Not 'end': an answer without body has none before its status is known.
    stream.on('close', () =>
      settle(() => {
        const [answer] = messages
        if (status === undefined)
          reject(httpStatus === 0 || httpStatus === 200 ? session.failure() : grpcError(2, `HTTP status ${httpStatus}`, name))
        else if (status.code !== 0) reject(grpcError(status.code, status.message, name))
        else if (answer === undefined || !reader.atBoundary) reject(new PorticoError('wire/cut-short', { proxy: name, method }))
        else resolve(answer)
      }),
    )
    stream.end(grpcFrame(request))
  })
}

export function openStream(session: AuthSession, method: string): http2.ClientHttp2Stream | PorticoError {
  try {
    return session.http2.request({
      ':method': 'POST',
      ':path': method,
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'portico',
      'grpc-timeout': `${DEADLINE_MS}m`,
    })
  } catch (error) {
    return session.failure(error)
  }
}

export function statusOf(headers: http2.IncomingHttpHeaders): Status | undefined {
  const code = headers['grpc-status']
  if (code === undefined) return undefined
  return { code: /^\d{1,3}$/.test(String(code)) ? Number(code) : 2, message: String(headers['grpc-message'] ?? '') }
}
