import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import type { IncomingChannel } from './channel-open.ts'
import { joinStreams } from './join-streams.ts'
import {
  decodeBoundPort,
  decodeForwardedConnection,
  decodeForwardRequest,
  encodeBoundPort,
  encodeForwardedConnection,
  encodeForwardRequest,
  type ForwardedConnection,
  type HostPort,
} from './messages/forwarding-messages.ts'
import { OPEN_REFUSED } from './messages/message-number.ts'
import type { SshChannel } from './ssh-channel.ts'
import type { SshConnection } from './ssh-connection.ts'

/** TCP through SSH, both ways. RFC 4254 7. What may be reached, and how, is for the caller to say. */

const NOWHERE: HostPort = { host: '127.0.0.1', port: 0 }

/** Asks the server to connect to `target`. @throws PorticoError ssh/channel-refused */
export function openDirectTcpip(
  connection: SshConnection<unknown>,
  target: HostPort,
  { origin = NOWHERE, signal }: { origin?: HostPort; signal?: AbortSignal | undefined } = {},
): Promise<SshChannel> {
  return connection.open('direct-tcpip', { data: encodeForwardedConnection({ target, origin }), signal })
}

/** Tells the other side of a forwarding that somebody connected to the address it asked for. */
export function openForwardedTcpip(connection: SshConnection<unknown>, forwarded: ForwardedConnection): Promise<SshChannel> {
  return connection.open('forwarded-tcpip', { data: encodeForwardedConnection(forwarded) })
}

/** For the channel types `direct-tcpip` and `forwarded-tcpip`: dials, then joins. @param dial its PorticoError's `why` is told to the peer */
export async function serveTcpip(incoming: IncomingChannel, dial: (connection: ForwardedConnection) => Promise<Duplex>): Promise<void> {
  let far: Duplex
  try {
    far = await dial(decodeForwardedConnection(incoming.data))
  } catch (thrown) {
    const why = thrown instanceof PorticoError ? thrown.facts['why'] : undefined
    return incoming.reject(String(why ?? 'the connection could not be made'), OPEN_REFUSED.connectFailed)
  }
  // From here on nothing awaits before somebody listens for its errors.
  far.on('error', () => far.destroy())
  try {
    await joinStreams(incoming.accept(), far)
  } catch {
    // The connection ended while we dialled.
    far.destroy()
  }
}

/** Asks the server to listen. @returns the port, chosen by the server when 0 was asked for @throws PorticoError ssh/channel-refused */
export async function requestForward(connection: SshConnection<unknown>, address: HostPort): Promise<number> {
  const answer = await connection.global('tcpip-forward', encodeForwardRequest(address))
  if (answer === false)
    throw new PorticoError('ssh/channel-refused', { type: 'tcpip-forward', why: 'the server does not listen for us there' })
  return address.port === 0 ? decodeBoundPort(answer) : address.port
}

/** @returns false when the server did not listen there */
export async function cancelForward(connection: SshConnection<unknown>, address: HostPort): Promise<boolean> {
  return (await connection.global('cancel-tcpip-forward', encodeForwardRequest(address))) !== false
}

/** What a server may listen on for its clients. */
export interface ForwardListeners {
  /** @returns the port it listens on @throws to refuse */
  listen(address: HostPort, onConnection: (stream: Duplex, origin: HostPort) => void): Promise<{ readonly port: number; close(): void }>
}

/** Server side of `tcpip-forward`: one for each connection; its listeners end with the connection. */
export class ServedForwards {
  readonly #connection: SshConnection<unknown>
  readonly #listeners: ForwardListeners
  readonly #open = new Map<string, { close(): void }>()
  #closed = false

  constructor(connection: SshConnection<unknown>, listeners: ForwardListeners) {
    this.#connection = connection
    this.#listeners = listeners
    void connection.closed.then(() => this.#closeAll())
  }

  /** For `onGlobal`. @returns undefined when the request is not about forwarding */
  answer(name: string, data: Buffer): undefined | boolean | Promise<boolean | Buffer> {
    if (name === 'tcpip-forward') return this.#listen(decodeForwardRequest(data))
    if (name !== 'cancel-tcpip-forward') return undefined
    const address = decodeForwardRequest(data)
    const listener = this.#open.get(keyOf(address))
    listener?.close()
    return this.#open.delete(keyOf(address))
  }

  async #listen(address: HostPort): Promise<boolean | Buffer> {
    if (address.port !== 0 && this.#open.has(keyOf(address))) return false
    const bound: { target: HostPort } = { target: address }
    const listener = await this.#listeners.listen(address, (stream, origin) => {
      stream.on('error', () => stream.destroy())
      openForwardedTcpip(this.#connection, { target: bound.target, origin }).then(
        channel => void joinStreams(channel, stream),
        () => stream.destroy(),
      )
    })
    bound.target = { host: address.host, port: listener.port }
    this.#open.set(keyOf(bound.target), listener)
    if (this.#closed) this.#closeAll()
    return address.port === 0 ? encodeBoundPort(listener.port) : true
  }

  #closeAll(): void {
    this.#closed = true
    for (const listener of this.#open.values()) listener.close()
    this.#open.clear()
  }
}

const keyOf = ({ host, port }: HostPort): string => `${host}:${port}`
