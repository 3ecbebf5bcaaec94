import { randomUUID } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'

/** Teleport: lib/utils/utils.go HostUUIDFile */
const FILE = 'host_uuid'

/**
 * The id of this host, which its certificates and announcements carry: made once, kept in its own data folder, since several hosts
 * may share the state of one cluster.
 * @param earlier taken over where the folder has none yet
 * @throws PorticoError state/unwritable, cluster/config
 */
export async function hostIdOf(dataDir: string, earlier: string = randomUUID()): Promise<string> {
  const path = join(dataDir, FILE)
  try {
    await mkdir(dataDir, { recursive: true, mode: 0o700 })
    await writeFile(path, earlier, { flag: 'wx', mode: 0o600 })
    return earlier
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw new PorticoError('state/unwritable', { path }, thrown)
  }
  const known = (await readFile(path, 'utf8')).trim()
  if (!/^[0-9A-Za-z-]{1,64}$/.test(known)) throw new PorticoError('cluster/config', { file: path, why: `${path} holds no host id` })
  return known
}
