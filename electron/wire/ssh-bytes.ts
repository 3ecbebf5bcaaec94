import { malformed } from './der.ts'

/** The few data types of SSH. RFC 4251 5 */
export class SshReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length
  }

  get position(): number {
    return this.#at
  }

  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw malformed('SSH value is cut short')
    this.#at = start + length
    return start
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!
  }

  bool(): boolean {
    return this.byte() !== 0
  }

  /** A part of a length that both sides know, like a cookie. */
  bytes(length: number): Buffer {
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.#bytes.subarray(this.#take(this.#bytes.length - this.#at))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#take(4))
  }

  uint64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8))
  }

  string(): Buffer {
    const length = this.uint32()
    const start = this.#take(length)
    return this.#bytes.subarray(start, start + length)
  }

  text(): string {
    return this.string().toString('utf8')
  }

  nameList(): string[] {
    const names = this.string().toString('latin1')
    return names === '' ? [] : names.split(',')
  }
}

export function sshUint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

export function sshByte(value: number): Buffer {
  return Buffer.from([value])
}

export function sshBool(value: boolean): Buffer {
  return sshByte(value ? 1 : 0)
}

export function sshNameList(names: readonly string[]): Buffer {
  return sshString(names.join(','))
}

export function sshUint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export function sshString(value: Uint8Array | string): Buffer {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value
  return Buffer.concat([sshUint32(bytes.length), bytes])
}

/** A non-negative mpint from its big-endian bytes. */
export function sshMpint(magnitude: Uint8Array): Buffer {
  let start = 0
  while (start < magnitude.length && magnitude[start] === 0) start++
  const bytes = magnitude.subarray(start)
  return sshString((bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)
}
