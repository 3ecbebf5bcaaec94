import { SshReader, sshBool, sshByte, sshNameList, sshString, sshUint32 } from '../../wire/ssh-bytes.ts'
import { MESSAGE } from './message-number.ts'

/** Fields of the transport's messages. Decoders take the payload with its number. RFC 4253 7–11 */

/** What one side offers, in its order of preference. */
export interface AlgorithmLists {
  readonly kex: readonly string[]
  readonly hostKey: readonly string[]
  readonly cipherToServer: readonly string[]
  readonly cipherToClient: readonly string[]
  readonly macToServer: readonly string[]
  readonly macToClient: readonly string[]
  readonly compressionToServer: readonly string[]
  readonly compressionToClient: readonly string[]
}

export interface KexInit extends AlgorithmLists {
  /** A guessed packet follows; when the guess is wrong it must be skipped. */
  readonly firstPacketFollows: boolean
}

export function encodeKexInit(cookie: Buffer, lists: AlgorithmLists): Buffer {
  return Buffer.concat([
    sshByte(MESSAGE.kexInit),
    cookie,
    ...[lists.kex, lists.hostKey, lists.cipherToServer, lists.cipherToClient, lists.macToServer, lists.macToClient].map(sshNameList),
    ...[lists.compressionToServer, lists.compressionToClient, [], []].map(sshNameList),
    sshBool(false),
    sshUint32(0),
  ])
}

/** @throws PorticoError wire/malformed */
export function decodeKexInit(payload: Buffer): KexInit {
  const reader = new SshReader(payload)
  reader.bytes(17)
  const [kex, hostKey] = [reader.nameList(), reader.nameList()]
  const [cipherToServer, cipherToClient] = [reader.nameList(), reader.nameList()]
  const [macToServer, macToClient] = [reader.nameList(), reader.nameList()]
  const [compressionToServer, compressionToClient] = [reader.nameList(), reader.nameList()]
  reader.nameList() // languages, both ways: nobody uses them
  reader.nameList()
  const firstPacketFollows = reader.bool()
  const lists = { kex, hostKey, cipherToServer, cipherToClient, macToServer, macToClient, compressionToServer, compressionToClient }
  return { ...lists, firstPacketFollows }
}

export const encodeEcdhInit = (clientValue: Buffer): Buffer => Buffer.concat([sshByte(MESSAGE.ecdhInit), sshString(clientValue)])

export function decodeEcdhInit(payload: Buffer): Buffer {
  const reader = new SshReader(payload)
  reader.byte()
  return reader.string()
}

export interface EcdhReply {
  readonly hostKey: Buffer
  readonly serverValue: Buffer
  /** Signature blob over the exchange hash. */
  readonly signature: Buffer
}

export function encodeEcdhReply({ hostKey, serverValue, signature }: EcdhReply): Buffer {
  return Buffer.concat([sshByte(MESSAGE.ecdhReply), sshString(hostKey), sshString(serverValue), sshString(signature)])
}

export function decodeEcdhReply(payload: Buffer): EcdhReply {
  const reader = new SshReader(payload)
  reader.byte()
  return { hostKey: reader.string(), serverValue: reader.string(), signature: reader.string() }
}

/** RFC 8308 2.3 */
export function encodeExtInfo(extensions: ReadonlyMap<string, string>): Buffer {
  const pairs = [...extensions].flatMap(([name, value]) => [sshString(name), sshString(value)])
  return Buffer.concat([sshByte(MESSAGE.extInfo), sshUint32(extensions.size), ...pairs])
}

export function decodeExtInfo(payload: Buffer): ReadonlyMap<string, string> {
  const reader = new SshReader(payload)
  reader.byte()
  const extensions = new Map<string, string>()
  // The announced count is not believed: every pair must be there.
  for (let left = reader.uint32(); left > 0; left--) extensions.set(reader.text(), reader.text())
  return extensions
}

export function encodeDisconnect(reason: number, text: string): Buffer {
  return Buffer.concat([sshByte(MESSAGE.disconnect), sshUint32(reason), sshString(text), sshString('')])
}

export function decodeDisconnect(payload: Buffer): { readonly reason: number; readonly text: string } {
  const reader = new SshReader(payload)
  reader.byte()
  return { reason: reader.uint32(), text: reader.text() }
}

export const encodeUnimplemented = (sequence: number): Buffer => Buffer.concat([sshByte(MESSAGE.unimplemented), sshUint32(sequence)])

export const encodeServiceRequest = (name: string): Buffer => Buffer.concat([sshByte(MESSAGE.serviceRequest), sshString(name)])
export const encodeServiceAccept = (name: string): Buffer => Buffer.concat([sshByte(MESSAGE.serviceAccept), sshString(name)])

export function decodeService(payload: Buffer): string {
  const reader = new SshReader(payload)
  reader.byte()
  return reader.text()
}
