import type { AppState, Session } from '../../shared/state.ts'
import type { Context } from './context.ts'
import { shownProfile, status } from './status.ts'
import type { Tunnels } from './tunnels.ts'

/**
 * What the faces show of logins.
 * @param endedEarly proxies whose session the cluster called ended, whatever our clock says
 */
export function showSession(context: Context, tunnels: Pick<Tunnels, 'list' | 'proxyOf'>, endedEarly: ReadonlySet<string>): Pick<AppState, 'session' | 'profiles' | 'notices'> {
  return {
    session: sessionOf(context, tunnels, endedEarly),
    profiles: [...status(context)],
    notices: context.profiles.notices().map(({ id, text }) => ({ id, text })),
  }
}

function sessionOf({ profiles, now }: Context, tunnels: Pick<Tunnels, 'list' | 'proxyOf'>, endedEarly: ReadonlySet<string>): Session {
  const current = profiles.current()
  if (current === undefined) return { state: 'none' }
  const profile = shownProfile(current, current.proxy, now())
  if (!profile.expired && !endedEarly.has(current.proxy)) return { state: 'active', profile }
  const held = tunnels.list().flatMap(tunnel => ('waiting' in tunnel && tunnel.waiting > 0 && tunnels.proxyOf(tunnel.id) === current.proxy ? [tunnel.waiting] : []))
  return { state: 'ended', profile, endedAt: Math.min(current.validUntil, now()), waiting: held.reduce((sum, count) => sum + count, 0), tunnels: held.length }
}
