import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { Duplex } from 'node:stream'
import { NO_LOG } from '../../electron/log/log.ts'
import { openSshClient, type SshClientOptions } from '../../electron/ssh/open-ssh-client.ts'
import { serveSsh, type SshServerOptions } from '../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../electron/ssh/signer.ts'
import type { SshConnection } from '../../electron/ssh/ssh-connection.ts'
import { issueSshCertificate, SSH_NO_END, type SshCertificateFields } from '../../electron/wire/ssh-certificate.ts'

/** A wire in memory that tests may cut, hold, watch and falsify. */
export interface Wire {
  readonly client: Duplex
  readonly server: Duplex
  /** Both ends break at once, as when a cable is pulled and somebody notices. */
  cut(): void
  /** Bytes that pass, by direction; what it returns passes instead. */
  onBytes: ((from: 'client' | 'server', bytes: Buffer) => Buffer) | undefined
}

class WireEnd extends Duplex {
  readonly #pass: (bytes: Buffer) => Buffer
  #far: WireEnd | undefined
  #resume: (() => void) | undefined

  constructor(pass: (bytes: Buffer) => Buffer) {
    super({ allowHalfOpen: true })
    this.#pass = pass
  }

  join(far: WireEnd): void {
    this.#far = far
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    // Later, as on a socket: nothing comes back in the same turn.
    setImmediate(() => {
      const far = this.#far!
      if (far.destroyed || far.push(this.#pass(Buffer.from(bytes)))) done()
      else far.#resume = done
    })
  }

  override _final(done: () => void): void {
    setImmediate(() => {
      if (!this.#far!.destroyed) this.#far!.push(null)
      done()
    })
  }

  override _read(): void {
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  override _destroy(cause: Error | null, done: (cause: Error | null) => void): void {
    const far = this.#far!
    setImmediate(() => {
      if (!far.destroyed && !far.readableEnded) far.push(null)
      this.#resume?.()
    })
    done(cause)
  }
}

export function openWire(): Wire {
  const wire: { -readonly [Key in keyof Wire]: Wire[Key] } = {
    client: new WireEnd(bytes => wire.onBytes?.('client', bytes) ?? bytes),
    server: new WireEnd(bytes => wire.onBytes?.('server', bytes) ?? bytes),
    cut: () => {
      wire.client.destroy(new Error('the wire was cut'))
      wire.server.destroy(new Error('the wire was cut'))
    },
    onBytes: undefined,
  }
  ;(wire.client as WireEnd).join(wire.server as WireEnd)
  ;(wire.server as WireEnd).join(wire.client as WireEnd)
  return wire
}

export type KeyKind = 'ed25519' | 'ecdsa-256' | 'ecdsa-384' | 'ecdsa-521' | 'rsa'
export const KEY_KINDS: readonly KeyKind[] = ['ed25519', 'ecdsa-256', 'ecdsa-384', 'ecdsa-521', 'rsa']

export interface Keys {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** RSA keys cost a quarter of a second: one of each role is enough. */
const made = new Map<string, Keys>()

/** The same key for the same kind and name, within one test file. */
export function keyOf(kind: KeyKind, name: string): Keys {
  const id = `${kind} ${name}`
  const keys = made.get(id) ?? newKeys(kind)
  made.set(id, keys)
  return keys
}

function newKeys(kind: KeyKind): Keys {
  if (kind === 'ed25519') return generateKeyPairSync('ed25519')
  if (kind === 'rsa') return generateKeyPairSync('rsa', { modulusLength: 2048 })
  return generateKeyPairSync('ec', { namedCurve: `P-${kind.slice(6)}` })
}

export type CertificateWish = Partial<SshCertificateFields>

/** A certificate line, valid for everybody unless told otherwise. */
export function certificateFor(publicKey: KeyObject, ca: Keys, kind: 'user' | 'host', wish: CertificateWish = {}): string {
  return issueSshCertificate(
    {
      kind,
      publicKey,
      serial: 1n,
      keyId: 'test',
      principals: kind === 'user' ? ['alice'] : ['node.test'],
      validAfter: 0n,
      validBefore: SSH_NO_END,
      criticalOptions: new Map(),
      extensions: new Map(),
      ...wish,
    },
    ca.privateKey,
  )
}

export interface Pair {
  readonly wire: Wire
  readonly client: SshConnection
  readonly server: SshConnection<string>
}

export interface PairOptions {
  readonly client?: Partial<SshClientOptions>
  readonly server?: Partial<SshServerOptions<string>>
  readonly wire?: Wire
}

/** A client that is signed in to a server, with plain Ed25519 keys and everything allowed, unless told otherwise. */
export async function openPair({ client = {}, server = {}, wire = openWire() }: PairOptions = {}): Promise<Pair> {
  const both = await Promise.allSettled([
    openSshClient(wire.client, {
      verifyHost: () => {},
      user: 'alice',
      identities: [keySigner(keyOf('ed25519', 'user').privateKey)],
      log: NO_LOG,
      ...client,
    }),
    serveSsh(wire.server, {
      hostKeys: [keySigner(keyOf('ed25519', 'host').privateKey)],
      authorize: user => `session of ${user}`,
      log: NO_LOG,
      ...server,
    }),
  ])
  for (const side of both) if (side.status === 'rejected') throw Object.assign(side.reason as Error, { both })
  const [one, other] = both as [PromiseFulfilledResult<SshConnection>, PromiseFulfilledResult<SshConnection<string>>]
  return { wire, client: one.value, server: other.value }
}

export async function readAll(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
