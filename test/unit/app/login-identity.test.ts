import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readLoginCertificate } from '../../../electron/app/login-identity.ts'
import { decodeIdentity } from '../../../electron/wire/identity.ts'

const folder = new URL('../../vectors/identity/', import.meta.url)
// Captured from Teleport 13.0.0-dev (see README.md there).
const logins = readdirSync(folder).filter(name => name.endsWith('-login.tls.pem'))

it.each(logins)('reads %s as the wire reader does', name => {
  const pem = readFileSync(new URL(name, folder), 'utf8')
  const { identity, notAfter } = decodeIdentity(pem)
  const { roles, logins: accounts, kubeUsers, kubeGroups, databaseNames, databaseUsers } = identity
  expect(readLoginCertificate(pem)).toEqual({
    roles, kubeUsers, kubeGroups, databaseNames, databaseUsers, validUntil: notAfter,
    logins: accounts.filter(account => !account.startsWith('-teleport-')),
  })
})

it('finds captured logins', () => expect(logins.length).toBeGreaterThan(3))
