import { SshReader, sshByte, sshString, sshUint32 } from '../../wire/ssh-bytes.ts'
import { malformed } from '../failures.ts'

/** The ssh-agent's messages, each behind its length. draft-ietf-sshm-ssh-agent 3 */

const FAILURE = 5
const LIST = 11
const LIST_ANSWER = 12
const SIGN = 13
const SIGN_ANSWER = 14

/** RSA hashes: without a flag an agent would sign with SHA-1. */
const FLAGS: Readonly<Record<string, number>> = { 'rsa-sha2-256': 2, 'rsa-sha2-512': 4 }

export interface AgentKey {
  /** Key or certificate. */
  readonly blob: Buffer
  readonly comment: string
}

const framed = (body: Buffer): Buffer => sshString(body)

export const encodeListKeys = (): Buffer => framed(sshByte(LIST))

export function encodeSign(blob: Buffer, bytes: Buffer, algorithm: string): Buffer {
  return framed(Buffer.concat([sshByte(SIGN), sshString(blob), sshString(bytes), sshUint32(FLAGS[algorithm] ?? 0)]))
}

function read(body: Buffer, expected: number): SshReader | undefined {
  const reader = new SshReader(body)
  const number = reader.byte()
  if (number === FAILURE) return undefined
  if (number !== expected) throw malformed(`the agent answers with message ${number}`)
  return reader
}

/** @returns undefined when the agent refuses @throws PorticoError wire/malformed */
export function decodeKeys(body: Buffer): readonly AgentKey[] | undefined {
  const reader = read(body, LIST_ANSWER)
  if (reader === undefined) return undefined
  const keys: AgentKey[] = []
  for (let left = reader.uint32(); left > 0; left--) keys.push({ blob: reader.string(), comment: reader.text() })
  return keys
}

/** @returns the signature blob, or undefined when the agent refuses @throws PorticoError wire/malformed */
export function decodeSignature(body: Buffer): Buffer | undefined {
  return read(body, SIGN_ANSWER)?.string()
}
