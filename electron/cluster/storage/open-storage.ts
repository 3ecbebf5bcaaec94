import { NO_LOG, type Log } from '../../log/log.ts'
import { openEncryptedStorage } from './encrypted-storage.ts'
import { openFileStorage } from './file-storage.ts'
import { openPostgresStorage } from './postgres-storage.ts'
import type { Storage } from './storage.ts'

/** `storage:` of a checked `portico.yaml`; paths are absolute. */
export type StorageConfig =
  | { readonly type: 'file'; readonly folder: string }
  | { readonly type: 'postgresql'; readonly connString: string; readonly keyFile: string }

export interface OpenStorageOptions {
  readonly log?: Log
  /** ms since 1970 */
  readonly now?: () => number
}

/**
 * Files for one process, PostgreSQL for several machines; there others can read the database, so what is secret or gives rights is sealed.
 * @throws PorticoError cluster/config, cluster/storage, state/unwritable, state/disk-full
 */
export async function openStorage(config: StorageConfig, options: OpenStorageOptions = {}): Promise<Storage> {
  if (config.type === 'file') return openFileStorage(config.folder, options)
  const storage = await openPostgresStorage(config.connString, options)
  try {
    return await openEncryptedStorage(storage, { keyFile: config.keyFile, log: options.log ?? NO_LOG })
  } catch (thrown) {
    await storage.close()
    throw thrown
  }
}
