import { PorticoError } from '../../shared/errors.ts'
import { sshString } from '../wire/ssh-bytes.ts'
import { plainAlgorithm, readSshSignature } from '../wire/ssh-signature.ts'
import { malformed, printable, sshFailure } from './failures.ts'
import { decodeAuthFailure, decodeBanner, encodePublicKeyRequest } from './messages/auth-messages.ts'
import { MESSAGE } from './messages/message-number.ts'
import { decodeService, encodeServiceRequest } from './messages/transport-messages.ts'
import type { SshSigner } from './signer.ts'
import type { Transport } from './transport.ts'

type Answer =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'in' }
  | { readonly kind: 'would-do' }
  | { readonly kind: 'refused'; readonly methods: readonly string[] }

const SERVICE = 'ssh-userauth'
const MOST_BANNERS = 20

/** Signs a client in with public keys. RFC 4252 */
export class ClientLogin {
  readonly #transport: Transport
  readonly #onBanner: (text: string) => void
  /** At once, before the next packet is read: what follows belongs to the connection. */
  readonly #onSignedIn: () => void
  #waiting: { resolve: (answer: Answer) => void; reject: (cause: Error) => void } | undefined
  #expected: readonly number[] = []
  #banners = 0

  constructor(transport: Transport, { onBanner, onSignedIn }: { onBanner: (text: string) => void; onSignedIn: () => void }) {
    this.#transport = transport
    this.#onBanner = onBanner
    this.#onSignedIn = onSignedIn
  }

  /** Shows the keys in turn. @param ownTime runs what is our own side's work @throws PorticoError ssh/login-refused */
  async signIn(
    user: string,
    signers: readonly SshSigner[],
    ownTime: <Value>(work: () => Value | Promise<Value>) => Promise<Value>,
  ): Promise<void> {
    await this.#ask(encodeServiceRequest(SERVICE), [MESSAGE.serviceAccept])
    let methods: readonly string[] = []
    let unsigned: PorticoError | undefined
    for (const signer of signers) {
      for (const algorithm of this.#usable(signer)) {
        const answer = await this.#show(user, signer, algorithm, ownTime)
        if (answer instanceof PorticoError) {
          unsigned = answer
          break
        }
        if (answer.kind === 'in') return
        if (answer.kind === 'refused') methods = answer.methods
      }
    }
    const otherwise = signers.length === 0 ? 'there is no key to sign in with' : `the server accepts none of the keys for ${user}`
    const why = String(unsigned?.facts['why'] ?? otherwise)
    throw new PorticoError('ssh/login-refused', { user, why, keys: signers.length, methods: methods.map(printable) }, unsigned)
  }

  /** @returns the server's answer, or why this key did not sign: the next one may */
  async #show(
    user: string,
    signer: SshSigner,
    algorithm: string,
    ownTime: <Value>(work: () => Value | Promise<Value>) => Promise<Value>,
  ): Promise<Answer | PorticoError> {
    const request = { user, algorithm, key: signer.blob }
    if (signer.askFirst) {
      const would = await this.#ask(encodePublicKeyRequest(request, false), [MESSAGE.publicKeyOk, MESSAGE.userAuthFailure])
      if (would.kind === 'refused') return would
    }
    const body = encodePublicKeyRequest(request, true)
    const plain = plainAlgorithm(algorithm)
    let signature: Buffer
    try {
      signature = await ownTime(() => signer.sign(plain, Buffer.concat([sshString(this.#transport.sessionId), body])))
      // An agent that does not know the flags would sign with SHA-1.
      if (readSshSignature(signature).algorithm !== plain) throw sshFailure('ssh/agent', 'the key signs with another algorithm than asked')
    } catch (thrown) {
      const cause = PorticoError.from(thrown)
      if (cause.code !== 'ssh/agent' && cause.code !== 'wire/malformed') throw cause
      return cause
    }
    return this.#ask(Buffer.concat([body, sshString(signature)]), [MESSAGE.userAuthSuccess, MESSAGE.userAuthFailure])
  }

  /** RFC 8308 3.1: what the server says it takes, by plain or certificate names. The list may be incomplete (ssh2's is): then all are shown. */
  #usable({ algorithms }: SshSigner): readonly string[] {
    const told = this.#transport.extensions.get('server-sig-algs')?.split(',') ?? []
    const first = algorithms.find(name => told.includes(name) || told.includes(plainAlgorithm(name)))
    return first === undefined ? algorithms : [first]
  }

  #ask(payload: Buffer, expected: readonly number[]): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#expected = expected
      this.#transport.send(payload)
    })
  }

  onMessage(number: number, payload: Buffer): boolean {
    if (number === MESSAGE.userAuthBanner) {
      if (++this.#banners > MOST_BANNERS) throw malformed('too many banners came')
      this.#onBanner(printable(decodeBanner(payload)))
      return true
    }
    const waiting = this.#waiting
    if (waiting === undefined || !this.#expected.includes(number))
      throw malformed(`message ${number} is out of place in user authentication`)
    this.#waiting = undefined
    if (number === MESSAGE.userAuthSuccess) {
      this.#onSignedIn()
      waiting.resolve({ kind: 'in' })
    } else if (number === MESSAGE.userAuthFailure) waiting.resolve({ kind: 'refused', methods: decodeAuthFailure(payload).methods })
    else if (number === MESSAGE.publicKeyOk) waiting.resolve({ kind: 'would-do' })
    else {
      if (decodeService(payload) !== SERVICE) throw malformed('the server accepts another service than asked for')
      waiting.resolve({ kind: 'accepted' })
    }
    return true
  }

  onClosed(cause: PorticoError): void {
    this.#waiting?.reject(cause)
    this.#waiting = undefined
  }
}
