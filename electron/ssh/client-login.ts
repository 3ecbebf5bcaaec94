import { PorticoError } from '../../shared/errors.ts'
import { sshString } from '../wire/ssh-bytes.ts'
import { plainAlgorithm } from '../wire/ssh-signature.ts'
import { malformed, printable } from './failures.ts'
import { decodeAuthFailure, decodeBanner, encodePublicKeyRequest } from './messages/auth-messages.ts'
import { MESSAGE } from './messages/message-number.ts'
import { decodeService, encodeServiceRequest } from './messages/transport-messages.ts'
import type { SshSigner } from './signer.ts'
import type { Transport } from './transport.ts'

type Answer = { readonly kind: 'accepted' } | { readonly kind: 'in' } | { readonly kind: 'would-do' } | { readonly kind: 'refused'; readonly methods: readonly string[] }

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
  async signIn(user: string, signers: readonly SshSigner[], ownTime: <Value>(work: () => Value | Promise<Value>) => Promise<Value>): Promise<void> {
    await this.#ask(encodeServiceRequest(SERVICE), [MESSAGE.serviceAccept])
    let methods: readonly string[] = []
    for (const signer of signers) {
      for (const algorithm of this.#usable(signer)) {
        const request = { user, algorithm, key: signer.blob }
        if (signer.askFirst) {
          const would = await this.#ask(encodePublicKeyRequest(request, false), [MESSAGE.publicKeyOk, MESSAGE.userAuthFailure])
          if (would.kind === 'refused') {
            methods = would.methods
            continue
          }
        }
        const body = encodePublicKeyRequest(request, true)
        const signature = await ownTime(() => signer.sign(plainAlgorithm(algorithm), Buffer.concat([sshString(this.#transport.sessionId), body])))
        const answer = await this.#ask(Buffer.concat([body, sshString(signature)]), [MESSAGE.userAuthSuccess, MESSAGE.userAuthFailure])
        if (answer.kind === 'in') return
        if (answer.kind === 'refused') methods = answer.methods
      }
    }
    const why = signers.length === 0 ? 'there is no key to sign in with' : `the server accepts none of the keys for ${user}`
    throw new PorticoError('ssh/login-refused', { user, why, keys: signers.length, methods: methods.map(printable) })
  }

  /** RFC 8308: what the server says it takes; some say certificate names, OpenSSH plain ones. Who says nothing is shown all. */
  #usable({ algorithms }: SshSigner): readonly string[] {
    const told = this.#transport.extensions.get('server-sig-algs')?.split(',')
    return told === undefined ? algorithms : algorithms.filter(name => told.includes(name) || told.includes(plainAlgorithm(name))).slice(0, 1)
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
    if (waiting === undefined || !this.#expected.includes(number)) throw malformed(`message ${number} is out of place in user authentication`)
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
