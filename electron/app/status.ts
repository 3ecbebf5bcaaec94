import type { Profile } from '../../shared/state.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { Context } from './context.ts'

/** Every login of this home, as the faces show it. */
export function status({ profiles, now }: Pick<Context, 'profiles' | 'now'>): readonly Profile[] {
  const current = profiles.current()?.proxy
  return profiles.list().map(stored => shownProfile(stored, current, now()))
}

export function shownProfile(stored: StoredProfile, current: string | undefined, now: number): Profile {
  const { proxy, cluster, user, roles, logins, kubeUsers, kubeGroups, validUntil } = stored
  return {
    proxy,
    cluster,
    user,
    validUntil,
    roles: [...roles],
    logins: [...logins],
    kubeUsers: [...kubeUsers],
    kubeGroups: [...kubeGroups],
    expired: validUntil <= now,
    current: proxy === current,
    source: stored.source ?? 'portico',
  }
}
