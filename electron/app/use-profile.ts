import { PorticoError } from '../../shared/errors.ts'
import { findProfile } from './choose-profile.ts'
import type { Context } from './context.ts'

/**
 * Makes a profile the current one.
 * @returns its `host:port`
 * @throws PorticoError `profile/not-found`
 */
export async function useProfile(context: Context, name: string): Promise<string> {
  const found = findProfile(context, name)
  if (found === undefined || !(await context.profiles.use(found.proxy))) throw new PorticoError('profile/not-found', { name })
  return found.proxy
}
