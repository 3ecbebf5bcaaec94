import { createHash } from 'node:crypto'
import { chmod, chown, lstat, mkdir, readdir, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, sep } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'
import type { Account } from './account.ts'

const OUTSIDE = '/var/tmp'
const PREFIX = 'portico-lab-'
/** Names the home that a folder outside of it belongs to. */
const HOME_FILE = 'home'

const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )

/** Where PostgreSQL's data lies: in the lab, or as root where an unprivileged account can get at it. */
export async function postgresFolder(home: string, account: Account | undefined): Promise<string> {
  if (account === undefined) return join(home, 'postgres')
  const hash = createHash('sha256')
    .update(await realpath(home))
    .digest('hex')
    .slice(0, 12)
  return join(OUTSIDE, PREFIX + hash)
}

/** Where another server's data lies: beside PostgreSQL's. */
export const besidePostgres = (folder: string, account: Account | undefined, name: string): string =>
  account === undefined ? join(dirname(folder), name) : join(folder, name)

/** In /var/tmp anybody may make folders: one that is not ours is not used. @throws PorticoError `lab/failed` */
export async function makePostgresFolder(folder: string, home: string, account: Account | undefined): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  if (account === undefined) return
  const found = await lstat(folder)
  if (!found.isDirectory() || (found.uid !== 0 && found.uid !== account.uid)) {
    throw new PorticoError('lab/failed', { why: `${folder} belongs to somebody else`, path: folder })
  }
  await chown(folder, account.uid, account.gid)
  await chmod(folder, 0o700)
  await rm(join(folder, HOME_FILE), { force: true })
  await writeFile(join(folder, HOME_FILE), await realpath(home), { flag: 'wx', mode: 0o600 })
}

/**
 * A temporary home that was just deleted leaves its folder in /var/tmp: some 90 MB. Homes elsewhere are not judged, since a disk
 * may only be away; nor is one whose server still runs.
 */
export async function removeAbandonedFolders(account: Account | undefined): Promise<void> {
  if (account === undefined) return
  const temporary = (await realpath(tmpdir())) + sep
  for (const name of await readdir(OUTSIDE)) {
    const folder = join(OUTSIDE, name)
    const owner = name.startsWith(PREFIX)
      ? await lstat(folder).then(
          ({ uid }) => uid,
          () => undefined,
        )
      : undefined
    if (owner !== 0 && owner !== account.uid) continue
    const home = await readFile(join(folder, HOME_FILE), 'utf8').catch(() => '')
    if (!home.startsWith(temporary) || (await exists(home)) || (await exists(join(folder, 'data', 'postmaster.pid')))) continue
    await rm(folder, { recursive: true, force: true })
  }
}
