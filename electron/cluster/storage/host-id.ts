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
    const known = await readFile(path, 'utf8').catch((thrown: NodeJS.ErrnoException) => {
      if (thrown.code !== 'ENOENT') throw thrown
    })
    if (known === undefined) await writeFile(path, earlier, { flag: 'wx', mode: 0o600 })
    else if (/^[0-9A-Za-z-]{1,64}$/.test(known.trim())) return known.trim()
    else throw new PorticoError('cluster/config', { file: path, why: `${path} holds no host id` })
    return earlier
  } catch (thrown) {
    throw thrown instanceof PorticoError ? thrown : new PorticoError('state/unwritable', { path }, thrown)
  }
}
