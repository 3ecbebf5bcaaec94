import { X509Certificate, type KeyObject } from 'node:crypto'
import { Remembered } from './remembered.ts'

/** A trusted authority, parsed once per TLS configuration. */
export interface ClientCa {
  readonly certificate: X509Certificate
  readonly publicKey: KeyObject
  /** ms since 1970 */
  readonly notAfter: number
}

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'

export function parseClientCas(pems: readonly string[]): readonly ClientCa[] {
  return pems.map(pem => {
    const certificate = new X509Certificate(pem)
    return { certificate, publicKey: certificate.publicKey, notAfter: Date.parse(certificate.validTo) }
  })
}

/** What does not change about a certificate that one of the authorities signed; ms since 1970. */
interface Signed {
  readonly notBefore: number
  readonly notAfter: number
  readonly forClients: boolean
  readonly authorityNotAfter: number
}

/** Per list of authorities: a program connects again and again with one certificate, and a signature costs 0.1 ms to check. */
const signed = new WeakMap<readonly ClientCa[], Remembered<Signed>>()

function signedBy(cas: readonly ClientCa[], certificate: X509Certificate): Signed | undefined {
  let remembered = signed.get(cas)
  if (remembered === undefined) signed.set(cas, (remembered = new Remembered()))
  return remembered.get(certificate.raw, () => {
    const issuer = cas.find(ca => certificate.checkIssued(ca.certificate) && certificate.verify(ca.publicKey))
    return (
      issuer && {
        notBefore: Date.parse(certificate.validFrom),
        notAfter: Date.parse(certificate.validTo),
        forClients: certificate.keyUsage === undefined || certificate.keyUsage.includes(CLIENT_AUTH),
        authorityNotAfter: issuer.notAfter,
      }
    )
  })
}

/**
 * Why a client certificate is refused, or undefined when it holds. Asked on every connection, resumed ones too: a ticket brings the
 * certificate of its first handshake, which may have expired since. Not left to the TLS library, which judges first handshakes only
 * and by its own clock.
 * @param nowMs ms since 1970
 */
export function refuseClientCertificate(certificate: X509Certificate, cas: readonly ClientCa[], nowMs: number): string | undefined {
  // Teleport takes no intermediates: lib/tlsca, "certificate chain" of one. On a server this is what the client sent beyond its own.
  if (certificate.issuerCertificate !== undefined) return 'chain of more than one certificate'
  const found = signedBy(cas, certificate)
  if (found === undefined) return 'unknown authority'
  if (nowMs > found.notAfter) return 'expired'
  if (nowMs < found.notBefore) return 'not valid yet'
  if (!found.forClients) return 'not for clients'
  return nowMs > found.authorityNotAfter ? 'authority expired' : undefined
}
