import { createHash } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { PorticoError } from '../../../shared/errors.ts'
import { decodeIdentity, encodeSubject, type Identity } from '../../wire/identity.ts'
import { createCsr, newKeyPair, privateKeyPem } from '../../wire/x509.ts'
import type { Auth } from '../auth/auth.ts'

/** What the proxy shows an agent: who its client is, signed by the cluster's database CA. */
export interface HopCredentials {
  readonly context: SecureContext
  /** The last TLS session with each agent, by host name. A resumed handshake costs a tenth of a full one. */
  readonly sessions: Map<string, Buffer>
}

interface Entry {
  readonly signed: Promise<HopCredentials & { readonly notAfter: number }>
  readonly madeAt: number
}

/** v13 signs for each connection (200 ms there). Roles are read at signing, so a change of them takes this long at most. */
const FRESH_MS = 5 * 60_000
/** Not used in the last seconds of a certificate's life. */
const MARGIN_MS = 60_000
/** Clients remembered; the one used least recently goes first. */
const KEPT = 1_000

/** SignDatabaseCSR, asked once per client certificate and address while the answer is fresh. wire/database.md 3.4 */
export class HopCredentialCache {
  readonly #auth: Auth
  readonly #now: () => number
  readonly #entries = new Map<string, Entry>()
  #key: ReturnType<typeof newKeyPair> | undefined

  constructor(auth: Auth, now: () => number) {
    this.#auth = auth
    this.#now = now
  }

  /** @param cluster where the agent is: its host authority is trusted */
  async get(identity: Identity, peerCertificate: Uint8Array, clientIp: string, cluster: string): Promise<HopCredentials> {
    // A MySQL client may name others than its certificate does.
    const { Username = '', Database = '' } = identity.routeToDatabase ?? {}
    const name = `${createHash('sha256').update(peerCertificate).digest('base64')} ${clientIp} ${cluster} ${JSON.stringify([Username, Database])}`
    const known = this.#entries.get(name)
    if (known !== undefined && this.#now() < known.madeAt + FRESH_MS) {
      const credentials = await known.signed
      if (this.#now() + MARGIN_MS < credentials.notAfter) {
        this.#entries.delete(name)
        this.#entries.set(name, known)
        return credentials
      }
    }
    const entry = { signed: this.#sign({ ...identity, loginIp: clientIp }, cluster), madeAt: this.#now() }
    this.#entries.delete(name)
    this.#entries.set(name, entry)
    if (this.#entries.size > KEPT) this.#entries.delete(this.#entries.keys().next().value!)
    entry.signed.catch(() => {
      if (this.#entries.get(name) === entry) this.#entries.delete(name)
    })
    return entry.signed
  }

  async #sign(identity: Identity, cluster: string): Promise<HopCredentials & { readonly notAfter: number }> {
    // One key for all: it never leaves this process, and what it proves is in the certificate.
    const keys = await (this.#key ??= newKeyPair('ecdsa-p256'))
    const csr = createCsr(encodeSubject(identity), keys)
    const { cert, caCerts } = await this.#auth.signDatabaseCsr(csr, cluster)
    try {
      const context = createSecureContext({ key: privateKeyPem(keys.privateKey), cert, ca: [...caCerts], minVersion: 'TLSv1.3' })
      return { context, sessions: new Map(), notAfter: decodeIdentity(cert).notAfter }
    } catch (thrown) {
      throw new PorticoError('app/bug', { why: 'signed certificate cannot be used' }, thrown)
    }
  }
}
