import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import type { PorticoError } from '../../shared/errors.ts'
import { sshFailure } from './failures.ts'
import { decodeKeys, decodeSignature, encodeListKeys, encodeSign, type AgentKey } from './messages/agent-messages.ts'
import { algorithmsOf, type SshSigner } from './signer.ts'

/** bytes of one answer; OpenSSH's own limit */
const LONGEST_ANSWER = 256 * 1024
/** ms for a list; a signature may wait for a touch or a person */
const LIST_MS = 5_000
const SIGN_MS = 120_000

interface Question {
  readonly bytes: Buffer
  readonly ms: number
  readonly resolve: (body: Buffer) => void
  readonly reject: (cause: Error) => void
}

/** An ssh-agent at the other end of a stream: OpenSSH's socket or Windows pipe, or a channel that was forwarded to us. */
export class SshKeyAgent {
  readonly #stream: Duplex
  /** One at a time: answers carry no name. */
  #asked: Question[] = []
  #bytes: Buffer = Buffer.alloc(0)
  #timer: NodeJS.Timeout | undefined
  #over: PorticoError | undefined

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('error', thrown => this.#end(sshFailure('ssh/agent', 'the agent cannot be reached', thrown)))
    stream.on('close', () => this.#end(sshFailure('ssh/agent', 'the agent closed the connection')))
    stream.on('data', (chunk: Buffer) => this.#take(chunk))
  }

  /** @throws PorticoError ssh/agent, wire/malformed */
  async list(): Promise<readonly AgentKey[]> {
    const keys = decodeKeys(await this.#ask(encodeListKeys(), LIST_MS))
    if (keys === undefined) throw sshFailure('ssh/agent', 'the agent shows no keys')
    return keys
  }

  /** @param algorithm plain name @returns the signature blob @throws PorticoError ssh/agent, wire/malformed */
  async sign(blob: Buffer, bytes: Buffer, algorithm: string): Promise<Buffer> {
    const signature = decodeSignature(await this.#ask(encodeSign(blob, bytes, algorithm), SIGN_MS))
    if (signature === undefined) throw sshFailure('ssh/agent', 'the agent refuses to sign')
    return signature
  }

  /** For signing in, in the agent's order; keys of types that we do not speak are left out. @throws PorticoError ssh/agent, wire/malformed */
  async signers(): Promise<readonly SshSigner[]> {
    return (await this.list()).flatMap(({ blob }) => {
      const algorithms = namesOf(blob)
      return algorithms.length === 0
        ? []
        : [{ blob, algorithms, askFirst: true, sign: (algorithm: string, bytes: Buffer) => this.sign(blob, bytes, algorithm) }]
    })
  }

  close(): void {
    this.#end(sshFailure('ssh/agent', 'we closed the connection to the agent'))
  }

  #ask(bytes: Buffer, ms: number): Promise<Buffer> {
    if (this.#over !== undefined) return Promise.reject(this.#over)
    return new Promise((resolve, reject) => {
      this.#asked.push({ bytes, ms, resolve, reject })
      if (this.#asked.length === 1) this.#send()
    })
  }

  #send(): void {
    const next = this.#asked[0]
    if (next === undefined) return
    this.#timer = setTimeout(() => this.#end(sshFailure('ssh/agent', 'the agent does not answer')), next.ms)
    this.#stream.write(next.bytes)
  }

  #take(chunk: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, chunk])
    if (this.#bytes.length < 4) return
    const length = this.#bytes.readUInt32BE(0)
    if (length > LONGEST_ANSWER || this.#asked.length === 0) return this.#end(sshFailure('ssh/agent', 'the agent says what nobody asked'))
    if (this.#bytes.length < 4 + length) return
    const body = this.#bytes.subarray(4, 4 + length)
    this.#bytes = this.#bytes.subarray(4 + length)
    clearTimeout(this.#timer)
    this.#asked.shift()!.resolve(body)
    this.#send()
  }

  #end(cause: PorticoError): void {
    if (this.#over !== undefined) return
    this.#over = cause
    clearTimeout(this.#timer)
    for (const { reject } of this.#asked.splice(0)) reject(cause)
    this.#stream.destroy()
  }
}

function namesOf(blob: Buffer): readonly string[] {
  try {
    return algorithmsOf(blob)
  } catch {
    return []
  }
}

/** @param path SSH_AUTH_SOCK, or `\\.\pipe\openssh-ssh-agent` on Windows */
export function openKeyAgent(path: string): SshKeyAgent {
  return new SshKeyAgent(connect(path))
}
