import { chown, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { KeyPair } from '../auth/auth.ts'
import type { Account } from './account.ts'

/** What a database server shows, and the authorities of the certificates that it lets in. */
export type ServerCertificate = KeyPair & { readonly caCerts: readonly string[] }

/** Writes what a server reads at its start: its certificate, and whose certificates it takes. */
export async function writeServerFiles(
  folder: string,
  account: Account | undefined,
  { key, cert, caCerts }: ServerCertificate,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  const files = { 'server.key': key, 'server.crt': cert, 'clients-ca.crt': caCerts.join(''), ...more }
  for (const [name, text] of Object.entries(files)) await writeOwned(join(folder, name), text, account)
}

/** The folder belongs to the account: as root never write through a name that was put there. */
export async function writeOwned(file: string, text: string, account: Account | undefined): Promise<void> {
  await rm(file, { force: true })
  await writeFile(file, text, { mode: 0o600, flag: 'wx' })
  if (account !== undefined) await chown(file, account.uid, account.gid)
}
