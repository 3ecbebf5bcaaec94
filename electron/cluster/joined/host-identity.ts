import { createPrivateKey } from 'node:crypto'
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'
import { keySigner, type SshSigner } from '../../ssh/signer.ts'
import { decodeIdentity } from '../../wire/identity.ts'
import type { HostCertificates } from '../auth/host-certificates.ts'

/** What a service of this host proves itself with, kept in the data folder from its first join on. */
export interface HostIdentity {
  readonly hostId: string
  readonly cluster: string
  /** As it stands in the certificates. */
  readonly role: string
  /** PEM; both certificates are of this key. */
  readonly key: string
  readonly certificates: HostCertificates
  /** The cluster's host authority: PEM, and authorized_keys lines. */
  readonly hostCa: { readonly tls: readonly string[]; readonly ssh: readonly string[] }
}

const FOLDER = 'identity'

/** A torn or readable file would be an identity lost or stolen. */
async function writePrivate(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await chmod(folder, 0o700)
  const file = join(folder, name)
  await writeFile(`${file}.new`, text, { mode: 0o600 })
  await rename(`${file}.new`, file)
}

const readText = (file: string): Promise<string | undefined> =>
  readFile(file, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
    if (thrown.code === 'ENOENT') return undefined
    throw new PorticoError('cluster/config', { file, why: `${file} cannot be read` }, thrown)
  })

/** @returns undefined before the first join @throws PorticoError cluster/config when the file is there and of no use */
export async function readHostIdentity(dataDir: string, role: string): Promise<HostIdentity | undefined> {
  const file = join(dataDir, FOLDER, `${role.toLowerCase()}.json`)
  const text = await readText(file)
  if (text === undefined) return undefined
  try {
    const identity = JSON.parse(text) as HostIdentity
    signerOf(identity)
    decodeIdentity(identity.certificates.tls)
    return identity
  } catch (thrown) {
    throw new PorticoError('cluster/config', { file, why: `${file} is damaged: remove it to join again` }, thrown)
  }
}

export async function writeHostIdentity(dataDir: string, identity: HostIdentity): Promise<void> {
  await writePrivate(join(dataDir, FOLDER), `${identity.role.toLowerCase()}.json`, JSON.stringify(identity))
}

export function signerOf({ key, certificates }: Pick<HostIdentity, 'key' | 'certificates'>): SshSigner {
  return keySigner(createPrivateKey(key), certificates.ssh)
}

const ANNOUNCED = 'announced.json'

/** Names of what this host announced last; what it no longer serves is taken back at the next start. */
export async function readAnnounced(dataDir: string): Promise<readonly string[]> {
  try {
    const names: unknown = JSON.parse((await readText(join(dataDir, FOLDER, ANNOUNCED))) ?? '[]')
    return Array.isArray(names) ? names.filter(name => typeof name === 'string') : []
  } catch {
    return []
  }
}

export async function writeAnnounced(dataDir: string, names: readonly string[]): Promise<void> {
  await writePrivate(join(dataDir, FOLDER), ANNOUNCED, JSON.stringify(names))
}
