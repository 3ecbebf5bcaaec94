import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import { sshString } from '../wire/ssh-bytes.ts'
import { malformed, printable, sshFailure } from './failures.ts'
import {
  decodeAuthRequest,
  encodeAuthFailure,
  encodeAuthSuccess,
  encodeBanner,
  encodePublicKeyOk,
  type AuthRequest,
} from './messages/auth-messages.ts'
import { MESSAGE } from './messages/message-number.ts'
import { decodeService, encodeServiceAccept } from './messages/transport-messages.ts'
import { decodePublicKey, fitsAlgorithm, isSignedWith, type SshPublicKey } from './public-key.ts'
import type { Transport } from './transport.ts'

/**
 * Says who may come in: returns what the rest of the server needs to know, throws to refuse. It is also asked about keys that
 * nobody has proven yet, so it changes nothing.
 */
export type Authorize<Session> = (user: string, key: SshPublicKey) => Session | Promise<Session>

interface ServerLoginOptions<Session> {
  readonly authorize: Authorize<Session>
  readonly banner: string | undefined
  readonly attempts: number
  readonly log: Log
  /** At once: what follows belongs to the connection. */
  onSignedIn(user: string, session: Session): void
}

const SERVICE = 'ssh-userauth'
const METHODS = ['publickey']

/** Lets clients in by public key. RFC 4252 */
export class ServerLogin<Session> {
  readonly #transport: Transport
  readonly #options: ServerLoginOptions<Session>
  #serviceAsked = false
  #requests = 0
  #refused = 0

  constructor(transport: Transport, options: ServerLoginOptions<Session>) {
    this.#transport = transport
    this.#options = options
  }

  onMessage(number: number, payload: Buffer): boolean | Promise<boolean> {
    if (number === MESSAGE.serviceRequest) {
      const service = decodeService(payload)
      if (service !== SERVICE) throw malformed('the client asks for another service than user authentication')
      this.#serviceAsked = true
      this.#transport.send(encodeServiceAccept(service))
      return true
    }
    if (number !== MESSAGE.userAuthRequest || !this.#serviceAsked) throw malformed(`message ${number} came before sign-in`)
    return this.#answer(decodeAuthRequest(payload))
  }

  async #answer(request: AuthRequest): Promise<true> {
    const { authorize, banner, log, onSignedIn } = this.#options
    if (this.#requests++ === 0 && banner !== undefined) this.#transport.send(encodeBanner(banner))
    const { user, service, publicKey } = request
    if (service !== 'ssh-connection' || publicKey === undefined) {
      // Asking which methods there are (`none`) is no attempt.
      if (request.method !== 'none' || this.#requests > 1) this.#refused++
      return this.#refuse()
    }
    try {
      const key = decodePublicKey(Buffer.from(publicKey.key))
      if (!fitsAlgorithm(key, publicKey.algorithm))
        throw sshFailure('ssh/login-refused', 'the key is not of the kind that its algorithm says')
      const session = await authorize(user, key)
      if (publicKey.signature === undefined) this.#transport.send(encodePublicKeyOk(publicKey.algorithm, publicKey.key))
      else {
        const signed = Buffer.concat([sshString(this.#transport.sessionId), request.signedBytes])
        if (!isSignedWith(key, publicKey.algorithm, signed, publicKey.signature))
          throw sshFailure('ssh/login-refused', 'the signature is wrong')
        this.#transport.send(encodeAuthSuccess())
        onSignedIn(user, session)
      }
      return true
    } catch (thrown) {
      const cause = PorticoError.from(thrown)
      const facts = { user: printable(user), algorithm: printable(publicKey.algorithm), why: String(cause.facts['why'] ?? '') }
      if (cause.code === 'app/bug') log.error('ssh.authorize', facts, cause)
      else log.debug('ssh.refused', facts)
      this.#refused++
      return this.#refuse()
    }
  }

  #refuse(): true {
    if (this.#refused >= this.#options.attempts) throw sshFailure('ssh/login-refused', 'too many attempts to sign in')
    this.#transport.send(encodeAuthFailure(METHODS))
    return true
  }
}
