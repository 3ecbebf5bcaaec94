import { readTshLogins, type TshLogin } from '../client/tsh/read-tsh-logins.ts'
import { watchTsh } from '../client/tsh/watch-tsh.ts'
import type { Profiles } from '../state/profiles.ts'
import type { StoredProfile } from '../state/stored-state.ts'

/**
 * Logins of this home together with those that tsh holds, which are used where they lie and never changed.
 * For one proxy ours counts, unless its session has ended and tsh's has not.
 */
export async function withTshLogins(own: Profiles, base: string, now: () => number): Promise<Profiles> {
  let logins: ReadonlyMap<string, TshLogin> = byProxy(await readTshLogins(base))
  const listeners = new Set<() => void>()
  let stopWatching: (() => void) | undefined

  const read = async (): Promise<void> => {
    logins = byProxy(await readTshLogins(base))
  }
  const tshLogin = (proxy: string): TshLogin | undefined => {
    const login = logins.get(proxy)
    const ours = own.get(proxy)
    return login !== undefined && (ours === undefined || (ours.validUntil <= now() && login.validUntil > now())) ? login : undefined
  }
  const get = (proxy: string): StoredProfile | undefined => {
    const login = tshLogin(proxy)
    return login === undefined ? own.get(proxy) : shownLogin(login)
  }

  return {
    ...own,
    get,
    list() {
      const names = new Set([...own.list().map(({ proxy }) => proxy), ...logins.keys()])
      return [...names].sort().flatMap(proxy => get(proxy) ?? [])
    },
    current() {
      const name = own.currentName()
      return name === undefined ? undefined : get(name)
    },
    use: (proxy, elsewhere) => own.use(proxy, elsewhere ?? logins.has(proxy)),
    keys(proxy) {
      const login = tshLogin(proxy)
      return login === undefined ? own.keys(proxy) : Promise.resolve(login.files)
    },
    async refresh() {
      await Promise.all([own.refresh(), read()])
    },
    onChange(listener) {
      const stopOwn = own.onChange(listener)
      listeners.add(listener)
      stopWatching ??= watchTsh(base, () => {
        void read().then(() => {
          for (const one of [...listeners]) one()
        })
      })
      return () => {
        stopOwn()
        listeners.delete(listener)
      }
    },
    close() {
      stopWatching?.()
      own.close()
    },
  }
}

/** Of two profiles for one address the one that tsh itself would use. */
function byProxy(logins: readonly TshLogin[]): ReadonlyMap<string, TshLogin> {
  return new Map([...logins].sort((one, other) => Number(one.current) - Number(other.current)).map(login => [login.proxy, login]))
}

function shownLogin({ files: _files, current: _current, ...login }: TshLogin): StoredProfile {
  return { ...login, serverVersion: '', trust: { extraRoots: [], caPin: undefined, insecure: false }, source: 'tsh' }
}
