import { SshReader, sshString, sshUint32 } from '../../wire/ssh-bytes.ts'

/** What `direct-tcpip`, `forwarded-tcpip` and `tcpip-forward` carry. RFC 4254 7 */

export interface HostPort {
  readonly host: string
  readonly port: number
}

export interface ForwardedConnection {
  /** direct-tcpip: where to; forwarded-tcpip: the address that was listened on. */
  readonly target: HostPort
  /** Who connected, as the sender says. */
  readonly origin: HostPort
}

const encodeHostPort = ({ host, port }: HostPort): Buffer => Buffer.concat([sshString(host), sshUint32(port)])

function readHostPort(reader: SshReader): HostPort {
  return { host: reader.text(), port: reader.uint32() }
}

export function encodeForwardedConnection({ target, origin }: ForwardedConnection): Buffer {
  return Buffer.concat([encodeHostPort(target), encodeHostPort(origin)])
}

/** @throws PorticoError wire/malformed */
export function decodeForwardedConnection(data: Buffer): ForwardedConnection {
  const reader = new SshReader(data)
  return { target: readHostPort(reader), origin: readHostPort(reader) }
}

/** For `tcpip-forward` and `cancel-tcpip-forward`. */
export const encodeForwardRequest = encodeHostPort
export const decodeForwardRequest = (data: Buffer): HostPort => readHostPort(new SshReader(data))

/** The answer to `tcpip-forward` with port 0. */
export const encodeBoundPort = sshUint32
export const decodeBoundPort = (data: Buffer): number => new SshReader(data).uint32()
