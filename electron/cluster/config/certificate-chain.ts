import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { splitPem } from '../../wire/pem.ts'

/** Where systems keep the authorities that programs trust. Go: crypto/x509/root_linux.go, root_bsd.go */
const BUNDLES = ['/etc/ssl/certs/ca-certificates.crt', '/etc/pki/tls/certs/ca-bundle.crt', '/etc/ssl/ca-bundle.pem', '/etc/ssl/cert.pem']

/**
 * Why a chain of PEM certificates, the server's own first, would not be believed; undefined when it would. A chain that ends with a
 * self-signed certificate brings its own root: who serves it has told its clients to trust that one.
 * Teleport: lib/utils/certs.go VerifyCertificateChain
 * @param now ms since 1970
 */
export function chainTrouble(pem: string, now: number): string | undefined {
  const chain = splitPem(pem, 'CERTIFICATE').map(block => new X509Certificate(block))
  const [own] = chain
  if (own === undefined) return 'holds no certificate'
  for (const certificate of chain) {
    if (Date.parse(certificate.validTo) <= now) return `${nameOf(certificate)} ended on ${certificate.validTo}`
    if (Date.parse(certificate.validFrom) > now) return `${nameOf(certificate)} begins on ${certificate.validFrom}`
  }
  if (own.subjectAltName === undefined) return 'names no host (subjectAltName)'
  let top = own
  // In whatever order the others stand; each is used once.
  const others = new Set(chain.slice(1))
  for (;;) {
    if (isIssuedBy(top, top)) return undefined
    const issuer = [...others].find(other => isIssuedBy(top, other))
    if (issuer === undefined) break
    others.delete(issuer)
    top = issuer
  }
  const issuerName = top.issuer
  const isKnown = roots().some(root => root.subject === issuerName && isIssuedBy(top, root))
  return isKnown
    ? undefined
    : `the chain cannot be verified: nobody known issued ${nameOf(top)}; its issuer's certificate belongs into the file`
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function nameOf(certificate: X509Certificate): string {
  return certificate.subject.replaceAll('\n', ', ') || certificate.serialNumber
}

let known: readonly X509Certificate[] | undefined

/** What Node brings, and what the system trusts besides (SSL_CERT_FILE as elsewhere). */
function roots(): readonly X509Certificate[] {
  if (known !== undefined) return known
  const named = process.env['SSL_CERT_FILE']
  const files = [
    ...(named === undefined ? BUNDLES : [named]),
    ...(process.env['NODE_EXTRA_CA_CERTS'] === undefined ? [] : [process.env['NODE_EXTRA_CA_CERTS']]),
  ]
  const texts = [...rootCertificates]
  for (const file of files) {
    try {
      texts.push(...splitPem(readFileSync(file, 'utf8'), 'CERTIFICATE'))
    } catch {
      continue // not on this system
    }
  }
  known = texts.flatMap(text => {
    try {
      return [new X509Certificate(text)]
    } catch {
      return [] // a bundle may hold what this OpenSSL cannot read
    }
  })
  return known
}
