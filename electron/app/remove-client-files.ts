import { existsSync } from 'node:fs'
import { PorticoError } from '../../shared/errors.ts'
import { databaseFolders, readDatabaseLogin, writeDatabaseLogin, type DatabaseLogin } from '../state/database-login.ts'
import { databaseFolder, profileFolder, removeFolder, withClientFiles } from './client-files.ts'
import { eraseSection } from './client-profile.ts'
import type { Context } from './context.ts'

/**
 * Removes what was written for clients, of one database or of a whole login: certificates, keys, and our sections in files
 * of the user's. Idempotent.
 * @returns whether there was anything
 * @throws PorticoError `state/unwritable` for a file that cannot be changed; everything else is gone then all the same
 */
export async function removeClientFiles(
  context: Context,
  proxy: string,
  database?: { readonly cluster: string; readonly name: string },
): Promise<boolean> {
  const whole = profileFolder(context, proxy)
  const one = database === undefined ? undefined : databaseFolder(context, proxy, database.cluster, database.name)
  if (!existsSync(one ?? whole)) return false
  await withClientFiles(context, proxy, async () => {
    const folders = one === undefined ? await databaseFolders(whole) : [one]
    const failures: PorticoError[] = []
    for (const folder of folders) {
      const failed = await removeDatabase(folder)
      if (failed !== undefined) failures.push(failed)
    }
    if (failures[0] !== undefined) throw failures[0]
    if (one === undefined) await removeFolder(whole)
  })
  return true
}

/** @returns why a section of ours could not be taken out of a file; then only the note of it is kept, for the next try */
async function removeDatabase(folder: string): Promise<PorticoError | undefined> {
  const login = await readDatabaseLogin(folder)
  const left: DatabaseLogin['sections'] = []
  let failure: PorticoError | undefined
  for (const section of login?.sections ?? []) {
    try {
      await eraseSection(section.path, section.section)
    } catch (thrown) {
      failure = PorticoError.from(thrown)
      left.push(section)
    }
  }
  await removeFolder(folder)
  if (login !== undefined && left.length > 0) await writeDatabaseLogin(folder, { ...login, sections: left })
  return failure
}
