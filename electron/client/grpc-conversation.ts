import * as http2 from 'node:http2'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { GrpcFrameReader, grpcFrame } from '../wire/grpc-frames.ts'
import type { AuthSession } from './auth-session.ts'
import { connectionError } from './client-errors.ts'
import { DEADLINE_MS, openStream, statusOf, type Status } from './grpc-call.ts'
import { grpcError } from './grpc-errors.ts'

/** A gRPC call in which both sides speak in turn. */
export interface Conversation {
  /** Sends a message and waits for the next one. @throws PorticoError as callAuth() */
  turn(request: Uint8Array): Promise<Buffer>
  /** Leaves the call. Idempotent. */
  close(): void
}

/** @param method `/proto.AuthService/GenerateUserSingleUseCerts`; the whole call may take as long as one of callAuth() */
export function openConversation(session: AuthSession, proxy: Address, method: string, signal: AbortSignal | undefined): Conversation {
  const name = formatAddress(proxy)
  const stream = openStream(session, method)
  if (stream instanceof PorticoError) throw stream
  const reader = new GrpcFrameReader()
  const ready: Buffer[] = []
  let status: Status | undefined
  let over: PorticoError | undefined
  let wake = (): void => {}

  const end = (why: PorticoError): void => {
    over ??= why
    stream.close(http2.constants.NGHTTP2_CANCEL)
    wake()
  }
  const settle = (): void => {
    if (status === undefined) over ??= session.failure()
    else
      over ??=
        status.code === 0 ? new PorticoError('wire/cut-short', { proxy: name, method }) : grpcError(status.code, status.message, name)
    wake()
  }
  const cancel = (): void => end(new PorticoError('app/cancelled', {}, signal?.reason))
  const timer = setTimeout(() => end(new PorticoError('proxy/timeout', { proxy: name, method })), DEADLINE_MS)
  stream.on('response', headers => (status = statusOf(headers) ?? status))
  // The server's last word. Its end alone does not close a stream on which we could still speak.
  stream.on('trailers', headers => {
    status = statusOf(headers) ?? status
    settle()
  })
  stream.on('data', (chunk: Buffer) => {
    try {
      ready.push(...reader.push(chunk))
      if (ready.length > 1) throw new PorticoError('wire/malformed', { why: 'two answers in one turn' })
      wake()
    } catch (error) {
      end(connectionError(error, proxy))
    }
  })
  stream.on('error', error => end(session.failure(error)))
  stream.on('close', () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', cancel)
    settle()
  })
  if (signal?.aborted === true) cancel()
  else signal?.addEventListener('abort', cancel)

  return {
    async turn(request) {
      if (over === undefined) stream.write(grpcFrame(request))
      while (ready.length === 0 && over === undefined) await new Promise<void>(resolve => (wake = resolve))
      const message = ready.shift()
      if (message === undefined) throw over!
      return message
    },
    close: () => end(new PorticoError('app/cancelled')),
  }
}
