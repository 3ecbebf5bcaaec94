import { X509Certificate } from 'node:crypto'
import type { StoredProfile } from '../state/stored-state.ts'

/** What a login certificate says about its holder. wire/identity.md 2.1, 3; Teleport: lib/tlsca/ca.go */
const ATTRIBUTES = {
  roles: 'O',
  logins: 'L',
  kubeUsers: '1.3.9999.1.1',
  kubeGroups: '1.3.9999.1.2',
  databaseNames: '1.3.9999.2.5',
  databaseUsers: '1.3.9999.2.6',
} as const

/** The parts of a profile that come from its certificate. The object form is read, not the text: a value may hold any character. */
export function readLoginCertificate(pem: string): Pick<StoredProfile, keyof typeof ATTRIBUTES | 'validUntil'> {
  const certificate = new X509Certificate(pem)
  const subject = certificate.toLegacyObject().subject as unknown as Readonly<Record<string, string | readonly string[] | undefined>>
  const read = (attribute: string): readonly string[] => [subject[attribute] ?? []].flat().filter(value => value !== '')
  return {
    roles: read(ATTRIBUTES.roles),
    // Teleport fills an empty list with a name that no account can have.
    logins: read(ATTRIBUTES.logins).filter(login => !login.startsWith('-teleport-')),
    kubeUsers: read(ATTRIBUTES.kubeUsers),
    kubeGroups: read(ATTRIBUTES.kubeGroups),
    databaseNames: read(ATTRIBUTES.databaseNames),
    databaseUsers: read(ATTRIBUTES.databaseUsers),
    validUntil: Date.parse(certificate.validTo),
  }
}
