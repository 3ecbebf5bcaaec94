import { PorticoError } from '../../shared/errors.ts'
import { parseAddress } from '../../shared/address.ts'
import type { AuthApi } from '../client/client.ts'
import { openAuthApi } from '../client/open-auth-api.ts'
import type { StoredKeys } from '../state/vault.ts'
import type { Context } from './context.ts'

/** Open sessions with auth servers: shared by everything that asks, closed when nobody asked for a while. */
export interface AuthSessions {
  /**
   * @throws PorticoError `login/required`, `login/expired`, `proxy/*`, and what `use` throws
   */
  with<T>(proxy: string, use: (api: AuthApi, keys: StoredKeys) => Promise<T>, signal?: AbortSignal): Promise<T>
  /**
   * The same with the auth service of a leaf; undefined or the root itself: the root's.
   * @throws PorticoError besides: `resource/not-found` for a cluster that the root does not know
   */
  withCluster<T>(
    proxy: string,
    cluster: string | undefined,
    use: (api: AuthApi, keys: StoredKeys) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>
  /** After a sign-in or sign-out: the next one is opened anew. */
  drop(proxy: string): void
  close(): void
}

interface Session {
  readonly api: AuthApi
  readonly keys: StoredKeys
  /** The login that opened it. */
  readonly validUntil: number
  uses: number
  idle: NodeJS.Timeout | undefined
}

const IDLE_MS = 30_000

export function openAuthSessions(context: Context): AuthSessions {
  const sessions = new Map<string, Session>()
  const opening = new Map<string, Promise<Session>>()

  const drop = (proxy: string): void => {
    const session = sessions.get(proxy)
    sessions.delete(proxy)
    opening.delete(proxy)
    if (session === undefined) return
    clearTimeout(session.idle)
    if (session.uses === 0) session.api.close()
  }

  const open = async (proxy: string, signal: AbortSignal): Promise<Session> => {
    const profile = context.profiles.get(proxy)
    const address = parseAddress(proxy, 443)
    if (profile === undefined || address === undefined) throw new PorticoError('login/required', { proxy })
    if (profile.validUntil <= context.now()) throw new PorticoError('login/expired', { proxy })
    const keys = await context.profiles.keys(proxy)
    if (keys === undefined) throw new PorticoError('login/required', { proxy })
    const api = await openAuthApi({
      proxy: address,
      rootCluster: profile.cluster,
      cluster: profile.cluster,
      login: keys,
      hostCas: profile.hostCas,
      signal,
    })
    return { api, keys, validUntil: profile.validUntil, uses: 0, idle: undefined }
  }

  /** One opening serves all who ask meanwhile, so it does not end with the first one's signal. */
  const sessionOf = (proxy: string): Promise<Session> => {
    const there = sessions.get(proxy)
    if (there !== undefined && there.validUntil === context.profiles.get(proxy)?.validUntil) return Promise.resolve(there)
    if (there !== undefined) drop(proxy)
    let pending = opening.get(proxy)
    if (pending === undefined) {
      const started = open(proxy, AbortSignal.timeout(30_000))
        .then(session => {
          if (opening.get(proxy) === started) sessions.set(proxy, session)
          return session
        })
        .finally(() => {
          if (opening.get(proxy) === started) opening.delete(proxy)
        })
      pending = started
      opening.set(proxy, started)
    }
    return pending
  }

  const leave = (proxy: string, session: Session): void => {
    session.uses -= 1
    if (session.uses > 0) return
    if (sessions.get(proxy) !== session) return session.api.close()
    clearTimeout(session.idle)
    session.idle = setTimeout(() => drop(proxy), IDLE_MS)
    session.idle.unref()
  }

  const once = async <T>(proxy: string, use: (api: AuthApi, keys: StoredKeys) => Promise<T>): Promise<T> => {
    const session = await sessionOf(proxy)
    session.uses += 1
    clearTimeout(session.idle)
    try {
      return await use(session.api, session.keys)
    } catch (thrown) {
      // A session that broke is not given to the next one.
      if (/^(proxy|wire)\//.test(PorticoError.from(thrown).code) && sessions.get(proxy) === session) sessions.delete(proxy)
      throw thrown
    } finally {
      leave(proxy, session)
    }
  }

  const withRoot: AuthSessions['with'] = async (proxy, use, signal) => {
    const reused = sessions.has(proxy)
    try {
      return await once(proxy, use)
    } catch (thrown) {
      // The proxy may have been restarted since this session was opened: what we ask may be asked twice.
      if (!reused || signal?.aborted === true || !/^(proxy|wire)\//.test(PorticoError.from(thrown).code)) throw thrown
      return once(proxy, use)
    }
  }

  return {
    with: withRoot,
    async withCluster(proxy, cluster, use, signal) {
      const profile = context.profiles.get(proxy)
      const address = parseAddress(proxy, 443)
      if (cluster === undefined || profile === undefined || address === undefined || cluster === profile.cluster)
        return withRoot(proxy, use, signal)
      const isKnown = profile.hostCas.some(ca => ca.cluster === cluster)
      // A leaf that joined after the sign-in is known to the root only.
      const { keys, hostCas } = await withRoot(
        proxy,
        async (api, login) => ({ keys: login, hostCas: isKnown ? profile.hostCas : await api.hostCas(signal) }),
        signal,
      )
      if (!hostCas.some(ca => ca.cluster === cluster)) throw new PorticoError('resource/not-found', { kind: 'cluster', name: cluster })
      const api = await openAuthApi({ proxy: address, rootCluster: profile.cluster, cluster, login: keys, hostCas, signal })
      try {
        return await use(api, keys)
      } finally {
        api.close()
      }
    },
    drop,
    close() {
      for (const proxy of [...sessions.keys()]) drop(proxy)
    },
  }
}
