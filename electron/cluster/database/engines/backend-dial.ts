import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { checkServerIdentity, connect as connectTls, TLSSocket, type DetailedPeerCertificate, type SecureContext } from 'node:tls'
import { parseAddress } from '../../../../shared/address.ts'
import { DATABASE_PROTOCOLS } from '../../../../shared/protocols.ts'
import type { DatabaseResource } from '../database-resource.ts'
import { Refusal } from '../refusal.ts'

/** For each of: TCP, the question for TLS, the handshake. */
const CONNECT_MS = 10_000

/** Errors of the network in Go's words, which is what Teleport's users see. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  ETIMEDOUT: 'i/o timeout',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'no such host',
}

/** What a client is told of a failure to reach the database. */
function refusalFor(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  const code = thrown instanceof Error ? (thrown as NodeJS.ErrnoException).code : undefined
  return new Refusal(WORDS[code ?? ''] ?? (code === undefined ? 'connection failed' : `tls error: ${code}`), thrown)
}

/** Settles with `event`, or rejects with the stream's error, its end, or the deadline, each as a Refusal. */
export function once<T>(stream: Duplex, event: string, deadlineMs = CONNECT_MS): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      clearTimeout(timer)
      stream.off(event, done).off('error', failed).off('close', closed)
    }
    const failed = (error: Error): void => {
      settle()
      reject(refusalFor(error))
    }
    const closed = (): void => failed(new Refusal('unexpected EOF'))
    const done = (value: T): void => {
      settle()
      resolve(value)
    }
    const timer = setTimeout(() => failed(new Refusal('i/o timeout')), deadlineMs)
    stream.once(event, done).once('error', failed).once('close', closed)
  })
}

/** A TCP connection to the database, or to another server of it (a replica set's member). @throws Refusal */
export async function dialTcp({ dbProtocol, uri }: DatabaseResource, at: string = uri): Promise<Socket> {
  const address = parseAddress(at, DATABASE_PROTOCOLS[dbProtocol]?.defaultPort ?? 0)
  if (address === undefined) throw new Refusal('no such host')
  const socket = connectTcp({ host: address.host, port: address.port, allowHalfOpen: true, noDelay: true, keepAlive: true })
  socket.on('error', () => {})
  try {
    await once(socket, 'connect')
    return socket
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}

/**
 * TLS with the client certificate on a connection whose server awaits it; verified as the resource says. wire/database.md 9.2
 * @param at host:port, as for {@link dialTcp}
 * @throws Refusal
 */
export async function secureBackend(
  socket: Socket,
  { uri, tls }: DatabaseResource,
  context: SecureContext,
  at: string = uri,
): Promise<TLSSocket> {
  const name = tls.serverName ?? parseAddress(at, 1)?.host ?? ''
  const secure = connectTls({
    socket,
    secureContext: context,
    rejectUnauthorized: tls.mode !== 'insecure',
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity: (_host, certificate) => (tls.mode === 'verify-full' ? checkServerIdentity(name, certificate) : undefined),
  })
  secure.on('error', () => {})
  // For the check of the name Node asks for the whole chain, each certificate copied by encoding it. The first one is enough.
  secure.getPeerCertificate = () => TLSSocket.prototype.getPeerCertificate.call(secure, false) as DetailedPeerCertificate
  try {
    await once(secure, 'secureConnect')
    return secure
  } catch (thrown) {
    socket.destroy()
    throw thrown
  }
}
