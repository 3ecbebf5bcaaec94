import type { Context } from './context.ts'
import { removeClientFiles } from './remove-client-files.ts'

/** Removes keys, certificates and every file written for clients of this login. Idempotent. */
export async function logOut(context: Context, proxy: string): Promise<void> {
  try {
    // Files first: they hold the same key as the vault, in clear.
    await removeClientFiles(context, proxy)
  } finally {
    await context.profiles.remove(proxy)
  }
  context.log.info('login.end', { proxy })
}
