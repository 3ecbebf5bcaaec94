import type { AppState, Session } from '../../shared/state.ts'
import type { Context } from './context.ts'
import { shownProfile, status } from './status.ts'
import type { Tunnels } from './tunnels.ts'

/**
 * What the faces show of logins.
 * @param endedEarly proxies whose session the cluster called ended, whatever our clock says, and when (ms since 1970)
 */
export function showSession(
  context: Context,
  tunnels: Pick<Tunnels, 'list' | 'proxyOf'>,
  endedEarly: ReadonlyMap<string, number>,
): Pick<AppState, 'session' | 'profiles' | 'notices'> {
  return {
    session: sessionOf(context, tunnels, endedEarly),
    profiles: [...status(context)],
    notices: context.profiles.notices().map(({ id, text }) => ({ id, text })),
  }
}

function sessionOf(
  { profiles, now }: Context,
  tunnels: Pick<Tunnels, 'list' | 'proxyOf'>,
  endedEarly: ReadonlyMap<string, number>,
): Session {
  const current = profiles.current()
  if (current === undefined) return { state: 'none' }
  const profile = shownProfile(current, current.proxy, now())
  const early = endedEarly.get(current.proxy)
  if (!profile.expired && early === undefined) return { state: 'active', profile }
  const held = tunnels
    .list()
    .flatMap(tunnel => ('waiting' in tunnel && tunnel.waiting > 0 && tunnels.proxyOf(tunnel.id) === current.proxy ? [tunnel.waiting] : []))
  return {
    state: 'ended',
    profile,
    endedAt: Math.min(current.validUntil, early ?? current.validUntil),
    waiting: held.reduce((sum, count) => sum + count, 0),
    tunnels: held.length,
  }
}
