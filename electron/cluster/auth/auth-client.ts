import { X509Certificate } from 'node:crypto'
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from 'node:http2'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import {
  create,
  fromBinary,
  toBinary,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from '@bufbuild/protobuf'
import { PorticoError } from '../../../shared/errors.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { encodeClusterSni } from '../../wire/cluster-name.ts'
import { GRPC_MESSAGE_LIMIT, grpcFrame, GrpcFrameReader } from '../../wire/grpc-frames.ts'
import { decodeGrpcMessage, GRPC } from '../../wire/grpc-status.ts'
import type { KeyPair } from './auth.ts'

interface AuthClientOptions {
  /** A stream to the auth service of a cluster, usually through a tunnel. @throws PorticoError */
  readonly dial: () => Promise<Duplex>
  /** The cluster that our certificate is of. */
  readonly ownCluster: string
  /** Our host certificate. */
  readonly keyPair: () => KeyPair
  /** PEM: the host authority of the cluster that is asked. */
  readonly roots: () => readonly string[]
  readonly now?: () => number
}

/** gRPC calls of a service to an auth service: one connection, made again when it has ended. wire/auth-grpc.md 1 */
export interface AuthClient {
  /** @throws PorticoError access/denied, resource/not-found, proxy/unreachable, wire/malformed */
  call<I extends DescMessage, O extends DescMessage>(
    method: DescMethod & { input: I; output: O },
    request: MessageInitShape<I>,
  ): Promise<MessageShape<O>>
  /** Idempotent. */
  close(): void
}

const HANDSHAKE_MS = 10_000
const CALL_MS = 30_000

const unreachable = (why: string, cause?: unknown): PorticoError => new PorticoError('proxy/unreachable', { why }, cause)

export function openAuthClient(options: AuthClientOptions): AuthClient {
  let session: ClientHttp2Session | undefined
  let connecting: Promise<ClientHttp2Session> | undefined
  let closed = false

  function connected(): Promise<ClientHttp2Session> {
    if (closed) return Promise.reject(unreachable('the client is closed'))
    if (session !== undefined && !session.closed && !session.destroyed) return Promise.resolve(session)
    connecting ??= open(options)
      .then(opened => {
        if (closed) opened.destroy()
        session = opened
        return opened
      })
      .finally(() => (connecting = undefined))
    return connecting
  }

  return {
    async call(method, request) {
      const { input, output, parent, name } = method
      const body = toBinary(input, create(input, request))
      const open = await connected()
      const answer = await callOnce(open, `/${parent.typeName}/${name}`, body)
      try {
        return fromBinary(output, answer) as MessageShape<typeof output>
      } catch (thrown) {
        throw new PorticoError('wire/malformed', { why: `the answer of ${name} cannot be read` }, thrown)
      }
    },
    close() {
      closed = true
      session?.destroy()
    },
  }
}

async function open({ dial, keyPair, roots, ownCluster, now = Date.now }: AuthClientOptions): Promise<ClientHttp2Session> {
  const stream = await dial()
  const servername = encodeClusterSni(ownCluster)
  const { key, cert } = keyPair()
  // Without roots: OpenSSL would send them along with our certificate, which they have signed, and servers take no chains.
  const secureContext = createSecureContext({ key, cert, ca: [], minVersion: 'TLSv1.2' })
  const secure = connectTls({ socket: stream, secureContext, servername, ALPNProtocols: [ALPN.h2], rejectUnauthorized: false })
  await new Promise<void>((resolve, reject) => {
    let cause: unknown
    const fail = (): void => {
      clearTimeout(late)
      secure.destroy()
      stream.destroy()
      reject(unreachable('the auth service refused the connection', cause))
    }
    const late = setTimeout(fail, HANDSHAKE_MS)
    // Stays for good.
    secure.on('error', error => (cause ??= error))
    secure.once('close', fail)
    secure.once('secureConnect', () => {
      clearTimeout(late)
      secure.off('close', fail)
      if (isTrusted(secure, roots(), servername, now())) return resolve()
      secure.destroy()
      reject(unreachable('the auth service is not vouched for by the authority of its cluster'))
    })
  })
  const session = connectHttp2(`https://${servername}`, { createConnection: () => secure, settings: { enablePush: false } })
  session.on('error', () => session.destroy())
  session.once('goaway', () => session.close())
  session.once('close', () => secure.destroy())
  return session
}

function isTrusted(secure: TLSSocket, roots: readonly string[], name: string, now: number): boolean {
  const certificate = secure.getPeerX509Certificate()
  if (certificate === undefined || checkServerIdentity(name, certificate.toLegacyObject()) !== undefined) return false
  if (now < Date.parse(certificate.validFrom) || now > Date.parse(certificate.validTo)) return false
  return roots.some(pem => {
    const root = new X509Certificate(pem)
    return certificate.checkIssued(root) && certificate.verify(root.publicKey)
  })
}

function statusOf(headers: IncomingHttpHeaders): { code: number; message: string } | undefined {
  const code = headers['grpc-status']
  return code === undefined ? undefined : { code: Number(code), message: decodeGrpcMessage(String(headers['grpc-message'] ?? '')) }
}

function failure({ code, message }: { code: number; message: string }): PorticoError {
  const known = {
    [GRPC.permissionDenied]: 'access/denied',
    [GRPC.notFound]: 'resource/not-found',
    [GRPC.unauthenticated]: 'access/denied',
  } as const
  return new PorticoError(known[code as keyof typeof known] ?? 'proxy/unreachable', { why: message, grpc: code })
}

function callOnce(session: ClientHttp2Session, path: string, body: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let stream: ClientHttp2Stream
    try {
      stream = session.request({ ':method': 'POST', ':path': path, te: 'trailers', 'content-type': 'application/grpc' })
    } catch (thrown) {
      return reject(unreachable('the connection to the auth service has ended', thrown))
    }
    const reader = new GrpcFrameReader(GRPC_MESSAGE_LIMIT)
    let answer: Buffer | undefined
    let status: ReturnType<typeof statusOf>
    let cause: unknown
    const late = setTimeout(() => {
      cause = unreachable('the auth service does not answer')
      // One that went silent is not used again.
      session.destroy()
    }, CALL_MS)
    stream.on('response', headers => (status = statusOf(headers) ?? status))
    stream.on('trailers', headers => (status = statusOf(headers) ?? status))
    stream.on('data', (chunk: Buffer) => {
      try {
        answer ??= reader.push(chunk)[0]
      } catch (thrown) {
        cause = thrown
        stream.destroy()
      }
    })
    stream.on('error', error => (cause ??= error))
    stream.once('close', () => {
      clearTimeout(late)
      if (status === undefined) reject(cause instanceof PorticoError ? cause : unreachable('the call was cut short', cause))
      else if (status.code !== 0) reject(failure(status))
      else if (answer === undefined) reject(new PorticoError('wire/cut-short', { why: 'an answer without a message' }))
      else resolve(answer)
    })
    stream.end(grpcFrame(body))
  })
}
