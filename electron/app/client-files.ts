import { createHash } from 'node:crypto'
import { chmod, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { DatabaseRoute } from '../client/client.ts'
import type { ClientTls } from '../launch/client-target.ts'
import { diskError, writeFileAtomic } from '../state/atomic-file.ts'
import { readDatabaseLogin, writeDatabaseLogin, type DatabaseLogin } from '../state/database-login.ts'
import { withLock } from '../state/lock.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import { issueCredentials } from './issue-credentials.ts'

/** Files that a client reads in clear. Only when asked for; removed by logout. */
export interface ClientFiles extends ClientTls {
  /** The cluster's host CA: what a client inside the proxy's TLS verifies. wire/identity.md 9 */
  readonly ca: string
  /** For clients that end the TLS of the proxy's own port: the extra roots of the profile; undefined = the system's are enough. */
  readonly webCa: string | undefined
  /** ms since 1970 */
  readonly validUntil: number
}

/** Readable for people, unique by its hash, legal on every disk. */
function folderName(...names: readonly string[]): string {
  const hash = createHash('sha256').update(names.join('\0')).digest('hex').slice(0, 10)
  const readable = names
    .at(-1)!
    .replace(/[^\w.-]+/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 60)
  return `${readable}-${hash}`
}

export const profileFolder = ({ home }: Context, proxy: string): string => join(home.files, folderName(proxy))
export const databaseFolder = (context: Context, proxy: string, cluster: string, name: string): string =>
  join(profileFolder(context, proxy), folderName(cluster, name))

/** Where the files of a database lie, or would. */
export function clientFilesOf(
  context: Context,
  { proxy, trust, validUntil }: StoredProfile,
  { cluster, name }: DatabaseRoute,
): ClientFiles {
  const folder = databaseFolder(context, proxy, cluster, name)
  return {
    cert: join(folder, 'cert.pem'),
    key: join(folder, 'key.pem'),
    ca: join(folder, 'ca.pem'),
    pair: join(folder, 'cert-and-key.pem'),
    webCa: trust.extraRoots.length === 0 ? undefined : join(folder, 'web-ca.pem'),
    validUntil,
  }
}

/** One at a time writes or removes the files of a profile: each set of files is whole, whoever wrote last. */
export async function withClientFiles<T>(context: Context, proxy: string, work: () => Promise<T>): Promise<T> {
  await makeFolders(context.home.files)
  return withLock(`${profileFolder(context, proxy)}.lock`, work)
}

async function makeFolders(...paths: readonly string[]): Promise<void> {
  try {
    for (const path of paths) {
      await mkdir(path, { recursive: true, mode: 0o700 })
      await chmod(path, 0o700)
    }
  } catch (error) {
    throw diskError(error, paths.at(-1)!)
  }
}

/**
 * Asks for a certificate and writes it with its key and CA, 0600 in folders of 0700.
 * @param after what else belongs to this sign-in to the database, done while nobody else writes
 * @throws PorticoError `state/*`, `proxy/*`, `login/*`
 */
export async function writeClientFiles(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  route: DatabaseRoute,
  signal?: AbortSignal,
  after?: (files: ClientFiles, login: DatabaseLogin, folder: string) => Promise<void>,
): Promise<ClientFiles> {
  const issued = await issueCredentials(sessions, profile.proxy, route, profile.validUntil, signal)
  const { cluster, name, databaseUser, databaseName } = route
  const folder = databaseFolder(context, profile.proxy, cluster, name)
  const roots = profile.trust.extraRoots
  const files: ClientFiles = { ...clientFilesOf(context, profile, route), validUntil: issued.notAfter }
  // A client of a leaf's database speaks to the root's proxy: its host certificate is the root's.
  const ca = profile.hostCas.find(one => one.cluster === profile.cluster)?.tls ?? []
  return withClientFiles(context, profile.proxy, async () => {
    await makeFolders(profileFolder(context, profile.proxy), folder)
    // Before the secrets, so that a logout finds them whatever happens.
    const before = await readDatabaseLogin(folder)
    const login: DatabaseLogin = { ...before, cluster, name, databaseUser, databaseName, sections: before?.sections ?? [] }
    await writeDatabaseLogin(folder, login)
    await writeFileAtomic(files.key, issued.key)
    await writeFileAtomic(files.cert, issued.cert)
    await writeFileAtomic(files.pair, joined([issued.cert, issued.key]))
    await writeFileAtomic(files.ca, joined(ca))
    if (files.webCa !== undefined) await writeFileAtomic(files.webCa, joined(roots))
    if (after !== undefined) await after(files, login, folder)
    return files
  })
}

const joined = (pems: readonly string[]): string => `${pems.map(pem => pem.trimEnd()).join('\n')}\n`

/** Takes a folder away with all that is in it. Idempotent. */
export async function removeFolder(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch (error) {
    throw diskError(error, path)
  }
}
