import { X509Certificate, type KeyObject } from 'node:crypto'

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

/**
 * Why a client certificate is refused, or undefined when it holds. Asked on every connection, resumed ones too: a ticket brings the
 * certificate of its first handshake, which may have expired since. Not left to the TLS library, which judges first handshakes only
 * and by its own clock.
 * @param nowMs ms since 1970
 */
export function refuseClientCertificate(certificate: X509Certificate, cas: readonly ClientCa[], nowMs: number): string | undefined {
  // Teleport takes no intermediates: lib/tlsca, "certificate chain" of one. On a server this is what the client sent beyond its own.
  if (certificate.issuerCertificate !== undefined) return 'chain of more than one certificate'
  if (nowMs > Date.parse(certificate.validTo)) return 'expired'
  if (nowMs < Date.parse(certificate.validFrom)) return 'not valid yet'
  if (certificate.keyUsage !== undefined && !certificate.keyUsage.includes(CLIENT_AUTH)) return 'not for clients'
  const issuer = cas.find(ca => certificate.checkIssued(ca.certificate) && certificate.verify(ca.publicKey))
  if (issuer === undefined) return 'unknown authority'
  return nowMs > issuer.notAfter ? 'authority expired' : undefined
}
