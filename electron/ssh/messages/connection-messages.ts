import { SshReader, sshBool, sshByte, sshString, sshUint32 } from '../../wire/ssh-bytes.ts'
import { MESSAGE } from './message-number.ts'

/** Fields of the connection layer. RFC 4254 */

const NOTHING = Buffer.alloc(0)

export interface GlobalRequest {
  readonly name: string
  readonly wantReply: boolean
  readonly data: Buffer
}

export function encodeGlobalRequest({ name, wantReply, data }: GlobalRequest): Buffer {
  return Buffer.concat([sshByte(MESSAGE.globalRequest), sshString(name), sshBool(wantReply), data])
}

export function decodeGlobalRequest(payload: Buffer): GlobalRequest {
  const reader = new SshReader(payload)
  reader.byte()
  return { name: reader.text(), wantReply: reader.bool(), data: reader.rest() }
}

export const encodeRequestSuccess = (data: Buffer = NOTHING): Buffer => Buffer.concat([sshByte(MESSAGE.requestSuccess), data])
export const encodeRequestFailure = (): Buffer => sshByte(MESSAGE.requestFailure)

export interface ChannelOpen {
  readonly type: string
  readonly sender: number
  /** bytes */
  readonly window: number
  /** bytes */
  readonly maxPacket: number
  readonly data: Buffer
}

export function encodeChannelOpen({ type, sender, window, maxPacket, data }: ChannelOpen): Buffer {
  return Buffer.concat([sshByte(MESSAGE.channelOpen), sshString(type), ...[sender, window, maxPacket].map(sshUint32), data])
}

export function decodeChannelOpen(payload: Buffer): ChannelOpen {
  const reader = new SshReader(payload)
  reader.byte()
  return { type: reader.text(), sender: reader.uint32(), window: reader.uint32(), maxPacket: reader.uint32(), data: reader.rest() }
}

/** Messages 91–100 begin with the receiver's number of the channel. */
export function decodeRecipient(payload: Buffer): { readonly recipient: number; readonly reader: SshReader } {
  const reader = new SshReader(payload)
  reader.byte()
  return { recipient: reader.uint32(), reader }
}

export interface OpenConfirmation {
  readonly sender: number
  readonly window: number
  readonly maxPacket: number
}

export function encodeOpenConfirmation(recipient: number, { sender, window, maxPacket }: OpenConfirmation): Buffer {
  return Buffer.concat([sshByte(MESSAGE.channelOpenConfirmation), ...[recipient, sender, window, maxPacket].map(sshUint32)])
}

export function readOpenConfirmation(reader: SshReader): OpenConfirmation {
  return { sender: reader.uint32(), window: reader.uint32(), maxPacket: reader.uint32() }
}

export function encodeOpenFailure(recipient: number, reason: number, text: string): Buffer {
  return Buffer.concat([sshByte(MESSAGE.channelOpenFailure), sshUint32(recipient), sshUint32(reason), sshString(text), sshString('')])
}

export function readOpenFailure(reader: SshReader): { readonly reason: number; readonly text: string } {
  return { reason: reader.uint32(), text: reader.text() }
}

export function encodeWindowAdjust(recipient: number, bytes: number): Buffer {
  return Buffer.concat([sshByte(MESSAGE.channelWindowAdjust), sshUint32(recipient), sshUint32(bytes)])
}

/** Everything before the bytes themselves, so that they are copied once. @param kind 1 = stderr, undefined = plain data */
export function channelDataHead(recipient: number, kind: number | undefined, length: number): Buffer {
  const head = Buffer.allocUnsafe(kind === undefined ? 9 : 13)
  head[0] = kind === undefined ? MESSAGE.channelData : MESSAGE.channelExtendedData
  head.writeUInt32BE(recipient, 1)
  if (kind !== undefined) head.writeUInt32BE(kind, 5)
  head.writeUInt32BE(length, head.length - 4)
  return head
}

/** EOF, CLOSE, SUCCESS and FAILURE carry only the channel. */
export const encodeBareMessage = (number: number, recipient: number): Buffer => Buffer.concat([sshByte(number), sshUint32(recipient)])

export interface ChannelRequestFields {
  readonly type: string
  readonly wantReply: boolean
  readonly data: Buffer
}

export function encodeChannelRequest(recipient: number, { type, wantReply, data }: ChannelRequestFields): Buffer {
  return Buffer.concat([sshByte(MESSAGE.channelRequest), sshUint32(recipient), sshString(type), sshBool(wantReply), data])
}

export function readChannelRequest(reader: SshReader): ChannelRequestFields {
  return { type: reader.text(), wantReply: reader.bool(), data: reader.rest() }
}

export type ExitStatus =
  | { readonly kind: 'code'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly text: string }

export const encodeExitCode = (code: number): Buffer => sshUint32(code >>> 0)

export function encodeExitSignal(signal: string, text: string): Buffer {
  return Buffer.concat([sshString(signal), sshBool(false), sshString(text), sshString('')])
}

/** The request `exit-status` or `exit-signal` (its name without `SIG`). RFC 4254 6.10 */
export function readExit(type: string, data: Buffer): ExitStatus | undefined {
  const reader = new SshReader(data)
  if (type === 'exit-status') return { kind: 'code', code: reader.uint32() }
  if (type !== 'exit-signal') return undefined
  const signal = reader.text()
  reader.bool() // core dumped
  return { kind: 'signal', signal, text: reader.text() }
}
