import { formatAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import { splitPem } from '../wire/pem.ts'
import { caPin } from '../wire/x509.ts'

/**
 * Compares a cluster's host CA certificates with the pins the user was given: each must have one. wire/identity.md 9.2
 * A pin says which cluster answers behind an unknown web certificate; it cannot say that nobody reads along on the way to it.
 * @param pins one `sha256:HEX`, or several with commas between while the CA is being rotated
 * @throws PorticoError `proxy/pin-mismatch`, `usage/invalid`
 */
export function checkCaPin(hostCas: string, pins: string, address: Address): void {
  const wanted = pins
    .toLowerCase()
    .split(',')
    .map(pin => pin.trim())
  if (!wanted.every(pin => /^sha256:[0-9a-f]{64}$/.test(pin)))
    throw new PorticoError('usage/invalid', { why: 'a CA pin looks like sha256: and 64 hexadecimal digits' })
  const found = splitPem(hostCas, 'CERTIFICATE').map(pinOf)
  if (found.length > 0 && found.every(pin => wanted.includes(pin))) return
  throw new PorticoError('proxy/pin-mismatch', { proxy: formatAddress(address), found })
}

function pinOf(pem: string): string {
  try {
    return caPin(pem)
  } catch {
    return 'unreadable'
  }
}
