import { createSecureServer, type Http2SecureServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { HostCa, LoginFiles } from '../../../electron/client/client.ts'
import { grpcFrame } from '../../../electron/wire/grpc-frames.ts'
import { encodeSubject, NO_IDENTITY } from '../../../electron/wire/identity.ts'
import { commonNameOnly, issueCertificate, newKeyPair, openCaSigner, privateKeyPem, selfSignedCa } from '../../../electron/wire/x509.ts'

export interface AuthServer {
  readonly port: number
  readonly hostCas: readonly HostCa[]
  readonly sessions: ServerHttp2Session[]
  login(options?: { notAfter?: number }): Promise<Pick<LoginFiles, 'tlsKey' | 'tlsCert'>>
  close(): Promise<void>
}

/** What is done with one call; `path` is the method's. */
export type ServeCall = (stream: ServerHttp2Stream, path: string) => void

const HOUR = 3_600_000

/** A Node HTTP/2 server with the certificates of an auth service: an implementation that shares nothing with the cluster half. */
export async function openAuthServer(serve: ServeCall, onConnection?: (socket: TLSSocket) => void): Promise<AuthServer> {
  const [hostKeys, userKeys, keys] = await Promise.all([newKeyPair('ecdsa-p256'), newKeyPair('ecdsa-p256'), newKeyPair('ecdsa-p256')])
  const now = Date.now()
  const host = openCaSigner(selfSignedCa('small', hostKeys, now), privateKeyPem(hostKeys.privateKey))
  const users = openCaSigner(selfSignedCa('small', userKeys, now), privateKeyPem(userKeys.privateKey))
  const cert = issueCertificate({
    ca: host,
    subject: commonNameOnly('auth'),
    publicKey: keys.publicKey,
    now,
    notAfter: now + HOUR,
    dnsNames: ['*.teleport.cluster.local'],
    ipAddresses: [],
  })
  const server: Http2SecureServer = createSecureServer({
    key: privateKeyPem(keys.privateKey),
    cert,
    ca: [users.cert],
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
  })
  const sessions: ServerHttp2Session[] = []
  server.on('session', session => {
    sessions.push(session)
    session.on('error', () => {})
  })
  server.on('sessionError', () => {})
  server.on('tlsClientError', () => {})
  if (onConnection !== undefined) server.prependListener('secureConnection', onConnection)
  server.on('stream', (stream, headers) => {
    stream.on('error', () => {})
    serve(stream, String(headers[':path']))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    hostCas: [{ cluster: 'small', tls: [host.cert], ssh: [] }],
    sessions,
    async login({ notAfter = Date.now() + HOUR } = {}) {
      const mine = await newKeyPair('ecdsa-p256')
      const subject = encodeSubject({
        ...NO_IDENTITY,
        username: 'alice',
        roles: ['all'],
        routeToCluster: 'small',
        teleportCluster: 'small',
      })
      const start = Math.min(Date.now(), notAfter - HOUR)
      return {
        tlsKey: privateKeyPem(mine.privateKey),
        tlsCert: issueCertificate({ ca: users, subject, publicKey: mine.publicKey, now: start, notAfter }),
      }
    },
    close: () =>
      new Promise(resolve => {
        for (const session of sessions) session.destroy()
        server.close(() => resolve())
      }),
  }
}

/** A whole answer with one message. */
export function answer(stream: ServerHttp2Stream, message: Uint8Array): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
  stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': '' }))
  stream.end(grpcFrame(message))
}

/** An error as Go sends it: headers that are trailers as well. */
export function refuse(stream: ServerHttp2Stream, code: number, message: string): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(code), 'grpc-message': message },
    { endStream: true },
  )
}
