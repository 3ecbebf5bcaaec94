import { PorticoError } from '../../shared/errors.ts'
import type { Context } from './context.ts'
import { removeClientFiles } from './remove-client-files.ts'

/**
 * Removes keys, certificates and every file written for clients of this login. Idempotent.
 * @throws PorticoError `usage/invalid` for a login of tsh's, which is not ours to end
 */
export async function logOut(context: Context, proxy: string): Promise<void> {
  if (context.profiles.get(proxy)?.source === 'tsh')
    throw new PorticoError('usage/invalid', { why: `the login at ${proxy} belongs to tsh`, next: `tsh logout --proxy=${proxy}` })
  try {
    // Files first: they hold the same key as the vault, in clear.
    await removeClientFiles(context, proxy)
  } finally {
    await context.profiles.remove(proxy)
  }
  context.log.info('login.end', { proxy })
}
