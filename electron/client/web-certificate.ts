import type { X509Certificate } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { serverWords } from './client-errors.ts'

/** Clocks that differ by less than this are not worth a word. */
const CLOCK_SLACK_MS = 5 * 60_000

export interface ShownCertificate {
  readonly certificate: X509Certificate | undefined
  /** What verification said about it. */
  readonly reason: string
}

/** To be asked while the connection is open: a closed one has no certificate any more. */
export function shownCertificate(socket: TLSSocket): ShownCertificate {
  return { certificate: socket.getPeerX509Certificate(), reason: String(socket.authorizationError) }
}

/** Whether the certificate was refused for its dates alone: then the server's clock tells whose fault it is. */
export function isAboutTime({ reason }: ShownCertificate): boolean {
  return ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'].includes(reason)
}

/**
 * Why a web certificate is not trusted.
 * @param serverTime what the server's `Date` header said, ms; undefined when it said nothing
 */
export function certificateError(shown: ShownCertificate, address: Address, now: number, serverTime?: number): PorticoError {
  const proxy = formatAddress(address)
  const { certificate, reason: code } = shown
  if (certificate === undefined) return new PorticoError('proxy/untrusted', { proxy, why: 'it shows no certificate' })
  const [notBefore, notAfter] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  const facts = {
    proxy,
    fingerprint: certificate.fingerprint256,
    subject: nameOf(certificate.subject),
    issuer: nameOf(certificate.issuer),
    notBefore: iso(notBefore),
    notAfter: iso(notAfter),
  }
  if (isAboutTime(shown)) {
    const clock =
      serverTime !== undefined && Math.abs(serverTime - now) > CLOCK_SLACK_MS && serverTime >= notBefore && serverTime <= notAfter
    if (clock)
      return new PorticoError('proxy/clock', {
        ...facts,
        why: `this computer says ${iso(now)}, ${proxy} says ${iso(serverTime)}`,
        here: iso(now),
        there: iso(serverTime),
      })
    if (code === 'CERT_HAS_EXPIRED') return new PorticoError('proxy/certificate-expired', facts)
    return new PorticoError('proxy/clock', {
      ...facts,
      why: `its certificate begins ${iso(notBefore)}, this computer says ${iso(now)}`,
      here: iso(now),
      there: iso(notBefore),
    })
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const names = serverWords((certificate.subjectAltName ?? '').replaceAll(/\b(?:DNS|IP Address):/g, '')) || 'no name'
    return new PorticoError('proxy/untrusted', { ...facts, why: `its certificate is for ${names}, not for ${address.host}` })
  }
  return new PorticoError('proxy/untrusted', {
    ...facts,
    why: `"${facts.issuer}" signed it, which is no authority known on this computer`,
    reason: code,
  })
}

/** `CN=x\nO=y` as Node writes it: the common name, else the whole in one line. */
function nameOf(subject: string | undefined): string {
  const common = /^CN=(.*)$/m.exec(subject ?? '')?.[1]
  return serverWords(common ?? (subject ?? '').replaceAll('\n', ', '))
}

const iso = (ms: number): string => (Number.isFinite(ms) ? new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z') : 'unknown')
