import type { KeyObject } from 'node:crypto'
import { isSignedBy, SSH_NO_END, type SshCertificate } from '../wire/ssh-certificate.ts'
import { sshKeyType } from '../wire/ssh-keys.ts'
import { sshFailure } from './failures.ts'
import type { SshPublicKey } from './public-key.ts'
import { isAddressIn } from './source-address.ts'

interface Expected {
  /** Keys of the authorities that may have signed. */
  readonly cas: readonly KeyObject[]
  /** Must be among the certificate's; an empty list there is a refusal, not "everybody". */
  readonly principal: string
  /** ms since 1970 */
  readonly now: number
}

/** Shorter ones are within a rich attacker's reach. */
const LEAST_RSA_BITS = 2048

/** @throws PorticoError ssh/host-refused; every reason has its own text. OpenSSH: PROTOCOL.certkeys */
export function checkHostCertificate(key: SshPublicKey, expected: Expected): SshCertificate {
  const certificate = check(key, 'host', expected, why => sshFailure('ssh/host-refused', why))
  const [option] = certificate.criticalOptions.keys()
  // There is none for hosts.
  if (option !== undefined) throw sshFailure('ssh/host-refused', `the certificate has the unknown critical option ${option}`)
  return certificate
}

export interface AllowedUser {
  readonly certificate: SshCertificate
  /** The only command that may run. */
  readonly forceCommand: string | undefined
}

/** @param from address that the client connects from @throws PorticoError ssh/login-refused; every reason has its own text */
export function checkUserCertificate(key: SshPublicKey, expected: Expected & { readonly from: string }): AllowedUser {
  const refused = (why: string): Error => sshFailure('ssh/login-refused', why)
  const certificate = check(key, 'user', expected, refused)
  for (const [option, value] of certificate.criticalOptions) {
    if (option === 'source-address') {
      if (!isAddressIn(expected.from, value)) throw refused(`the certificate may not be used from ${expected.from}`)
    } else if (option !== 'force-command') throw refused(`the certificate has the unknown critical option ${option}`)
  }
  return { certificate, forceCommand: certificate.criticalOptions.get('force-command') }
}

function check(
  key: SshPublicKey,
  kind: 'user' | 'host',
  { cas, principal, now }: Expected,
  refused: (why: string) => Error,
): SshCertificate {
  const { certificate } = key
  if (certificate === undefined) throw refused('a certificate is needed, but a plain key was shown')
  if (certificate.kind !== kind) throw refused(`the certificate is for a ${certificate.kind}, not for a ${kind}`)
  if (!cas.some(ca => ca.equals(certificate.signatureKey))) throw refused('the certificate was signed by an unknown authority')
  if (isShortRsa(certificate.signatureKey)) throw refused('the key of the authority is too short')
  if (!isSignedBy(certificate, cas)) throw refused('the signature of the certificate is wrong')
  if (isShortRsa(certificate.publicKey)) throw refused('the key in the certificate is too short')
  const seconds = BigInt(Math.floor(now / 1000))
  if (seconds < certificate.validAfter) throw refused('the certificate is not valid yet')
  if (certificate.validBefore !== SSH_NO_END && seconds >= certificate.validBefore) throw refused('the certificate has expired')
  if (certificate.principals.length === 0) throw refused('the certificate names nobody')
  if (!certificate.principals.includes(principal)) throw refused(`${principal} is not in the certificate`)
  return certificate
}

const isShortRsa = (key: KeyObject): boolean =>
  sshKeyType(key) === 'ssh-rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) < LEAST_RSA_BITS
