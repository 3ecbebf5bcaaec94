import { promises as fs } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readFileIfThere, writeFileAtomic } from './atomic-file.ts'

/** What `db login` did for one database: kept beside its certificate, so that an undo finds all of it. */
const Shape = z.looseObject({
  cluster: z.string(),
  name: z.string(),
  databaseUser: z.string(),
  databaseName: z.string(),
  /** Sections that were written into a client's own file. */
  sections: z.array(z.object({ path: z.string(), section: z.string() })).default([]),
})
export type DatabaseLogin = z.infer<typeof Shape>

const FILE = 'login.json'
const LIMIT = 64 * 1024

/** @returns undefined when there is none, or none that makes sense */
export async function readDatabaseLogin(folder: string): Promise<DatabaseLogin | undefined> {
  const text = await readFileIfThere(join(folder, FILE), LIMIT)
  if (text === undefined) return undefined
  try {
    return Shape.safeParse(JSON.parse(text)).data
  } catch {
    return undefined
  }
}

/** @throws PorticoError `state/disk-full`, `state/unwritable` */
export async function writeDatabaseLogin(folder: string, login: DatabaseLogin): Promise<void> {
  await writeFileAtomic(join(folder, FILE), `${JSON.stringify(login, undefined, 2)}\n`)
}

/** The folders of a profile's databases. */
export async function databaseFolders(profileFolder: string): Promise<readonly string[]> {
  const entries = await fs.readdir(profileFolder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return entries.filter(entry => entry.isDirectory()).map(entry => join(profileFolder, entry.name))
}
