import { randomBytes } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { PorticoError } from '../../../shared/errors.ts'
import type { KeyPair } from '../auth/auth.ts'
import { parseClientCas, type ClientCa } from './client-certificate.ts'

export interface TlsConfiguration {
  readonly keyPair: KeyPair
  /** PEM. Their names are listed in the CertificateRequest. */
  readonly clientCas: readonly string[]
  /** `optional`: asked for, verified if given. */
  readonly clientCertificate: 'none' | 'optional' | 'required'
  /** Best first; the first one that the client offers too is negotiated. None in common: alert 120. Absent: any offer is accepted, none negotiated. */
  readonly alpn?: readonly string[]
}

export interface CachedContext extends TlsConfiguration {
  readonly context: SecureContext
  readonly cas: readonly ClientCa[]
  /** `alpn` as TLS has it (RFC 7301 3.1): Node would make that of the names for every connection. */
  readonly alpnList: Buffer | undefined
}

/** Configurations in use at one time; a reload of a key pair or CA list adds one and pushes out the oldest. */
const CACHED = 32
const contexts: CachedContext[] = []

/**
 * Equal configurations share one context and its tickets; configurations that differ in anything share nothing.
 * @throws PorticoError `cluster/config` when a key pair or CA cannot be used
 */
export function contextFor(options: TlsConfiguration): CachedContext {
  const known = contexts.find(cached => isSame(cached, options))
  if (known !== undefined) return known
  const { keyPair, clientCas, clientCertificate, alpn } = options
  try {
    const context = createSecureContext({
      key: keyPair.key,
      cert: keyPair.cert,
      minVersion: 'TLSv1.2',
      // Some list always, or Node trusts the public CAs here.
      ca: clientCertificate === 'none' ? [] : [...clientCas],
      sessionIdContext: randomBytes(16).toString('hex'),
      ticketKeys: randomBytes(48),
      sessionTimeout: 3_600,
    })
    const cas = clientCertificate === 'none' ? [] : parseClientCas(clientCas)
    const added = {
      keyPair,
      clientCas: [...clientCas],
      clientCertificate,
      ...(alpn === undefined ? {} : { alpn: [...alpn] }),
      context,
      cas,
      alpnList: alpn && Buffer.concat(alpn.map(name => Buffer.from(String.fromCharCode(name.length) + name, 'latin1'))),
    }
    contexts.unshift(added)
    contexts.splice(CACHED)
    return added
  } catch (thrown) {
    throw new PorticoError('cluster/config', { why: 'a TLS key pair or CA cannot be used' }, thrown)
  }
}

/** Compared by value, cheaply: in the usual case the texts are the same objects. */
function isSame(a: TlsConfiguration, b: TlsConfiguration): boolean {
  return (
    a.clientCertificate === b.clientCertificate &&
    a.keyPair.cert === b.keyPair.cert &&
    a.keyPair.key === b.keyPair.key &&
    areSame(a.clientCas, b.clientCas) &&
    areSame(a.alpn, b.alpn)
  )
}

function areSame(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.length === b.length && a.every((text, index) => text === b[index]))
}
