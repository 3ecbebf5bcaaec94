import { createHash } from 'node:crypto'
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import type { DatabaseRoute } from '../client/client.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import { issueCredentials } from './issue-credentials.ts'

/** Files that a client reads in clear. Only when asked for; removed by logout. */
export interface ClientFiles {
  readonly cert: string
  readonly key: string
  /** The cluster's host CA: what a client inside the proxy's TLS verifies. wire/identity.md 9 */
  readonly ca: string
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

const profileFolder = ({ home }: Context, proxy: string): string => join(home.files, folderName(proxy))
const databaseFolder = (context: Context, proxy: string, cluster: string, name: string): string =>
  join(profileFolder(context, proxy), folderName(cluster, name))

/** Where the files of a database lie, or would. */
export function clientFilesOf(context: Context, { proxy, validUntil }: StoredProfile, route: DatabaseRoute): ClientFiles {
  const folder = databaseFolder(context, proxy, route.cluster, route.name)
  return { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem'), validUntil }
}

/** Asks for a certificate and writes it with its key and CA, 0600 in folders of 0700. */
export async function writeClientFiles(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  route: DatabaseRoute,
  signal?: AbortSignal,
): Promise<ClientFiles> {
  const issued = await issueCredentials(sessions, profile.proxy, route, profile.validUntil, signal)
  const folder = databaseFolder(context, profile.proxy, route.cluster, route.name)
  const files = { ...clientFilesOf(context, profile, route), validUntil: issued.notAfter }
  // A client of a leaf's database speaks to the root's proxy: its host certificate is the root's.
  const ca = profile.hostCas.find(({ cluster }) => cluster === profile.cluster)?.tls ?? []
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    for (const path of [context.home.files, profileFolder(context, profile.proxy), folder]) await chmod(path, 0o700)
    await writePrivate(files.key, issued.key)
    await writePrivate(files.cert, issued.cert)
    await writePrivate(files.ca, `${ca.map(pem => pem.trimEnd()).join('\n')}\n`)
  } catch (error) {
    throw new PorticoError(
      (error as NodeJS.ErrnoException).code === 'ENOSPC' ? 'state/disk-full' : 'state/unwritable',
      { path: folder },
      error,
    )
  }
  return files
}

/** Whole or not at all: a client may read it just now. */
async function writePrivate(path: string, text: string): Promise<void> {
  const fresh = `${path}.${process.pid}.new`
  await writeFile(fresh, text, { mode: 0o600 })
  await rename(fresh, path)
}

/** Removes what was written for clients: of one database, or of a whole login. Idempotent. */
export async function removeClientFiles(
  context: Context,
  proxy: string,
  database?: { readonly cluster: string; readonly name: string },
): Promise<void> {
  const folder = database === undefined ? profileFolder(context, proxy) : databaseFolder(context, proxy, database.cluster, database.name)
  try {
    await rm(folder, { recursive: true, force: true })
  } catch (error) {
    throw new PorticoError('state/unwritable', { path: folder }, error)
  }
}
