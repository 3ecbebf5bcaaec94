import { PorticoError } from '../../shared/errors.ts'
import type { DatabaseId } from '../../shared/ids.ts'
import type { Home } from './home.ts'
import type { Notice } from './notice.ts'
import { openStateFile } from './state-file.ts'
import type { Remembered, StoredProfile, StoredState, StoredTunnel } from './stored-state.ts'
import type { StoredKeys, Vault } from './vault.ts'

/** More would not be favourites, and the file is read by every command. */
const MAX_FAVOURITES = 500

/** Logins of this home and what was last used with them. Safe under several processes. Reading is from memory; writing goes to disk first. */
export interface Profiles {
  /** Ordered by proxy. */
  list(): readonly StoredProfile[]
  get(proxy: string): StoredProfile | undefined
  /** The profile that is meant without `--proxy`. */
  current(): StoredProfile | undefined
  /** Keeps keys and profile of a login and makes it current. */
  save(profile: StoredProfile, keys: StoredKeys): Promise<void>
  /** Changes a profile that is there; does nothing otherwise. */
  update(proxy: string, change: Partial<Omit<StoredProfile, 'proxy'>>): Promise<void>
  /** Keys first, so that nothing secret stays when the second write fails. Idempotent. */
  remove(proxy: string): Promise<void>
  /** @returns whether there is such a profile */
  use(proxy: string): Promise<boolean>
  /** Keys and certificates of a login; undefined = signed out. */
  keys(proxy: string): Promise<StoredKeys | undefined>
  remembered(resource: DatabaseId): Remembered
  remember(resource: DatabaseId, values: Remembered): Promise<void>
  /** Tunnels of the engine as they were last. */
  tunnels(): readonly StoredTunnel[]
  keepTunnels(tunnels: readonly StoredTunnel[]): Promise<void>
  /** Everything remembered: to see which ports are given away. */
  allRemembered(): Readonly<Record<string, Remembered>>
  /** In the order in which they were chosen. */
  favourites(): readonly DatabaseId[]
  /** @throws PorticoError `usage/invalid` when there are too many */
  setFavourite(resource: DatabaseId, on: boolean): Promise<void>
  /** Reads what other processes wrote. */
  refresh(): Promise<void>
  /** Calls after another process changed something (a login in another shell). @returns its unsubscribe */
  onChange(listener: () => void): () => void
  /** What a person should read once: files set aside, a missing keychain. Grows. */
  notices(): readonly Notice[]
  close(): void
}

/** @throws PorticoError `state/unwritable`, `state/disk-full` */
export async function openProfiles(home: Home, vault: Vault): Promise<Profiles> {
  const file = await openStateFile(home)
  const read = (proxy: string): StoredProfile | undefined => profileOf(file.value, proxy)
  return {
    list: () =>
      Object.keys(file.value.profiles)
        .sort()
        .map(proxy => read(proxy)!),
    get: read,
    current: () => (file.value.current === undefined ? undefined : read(file.value.current)),
    async save(profile, keys) {
      await vault.save(profile.proxy, keys)
      await file.update(state => {
        const { proxy, ...rest } = profile
        state.profiles[proxy] = { ...own(state.profiles, proxy), ...structuredClone(rest) } as StoredState['profiles'][string]
        state.current = proxy
      })
    },
    async update(proxy, change) {
      await file.update(state => {
        const there = own(state.profiles, proxy)
        if (there !== undefined) Object.assign(there, structuredClone(change))
      })
    },
    async remove(proxy) {
      await vault.remove(proxy)
      if (own(file.value.profiles, proxy) === undefined) await file.refresh()
      if (own(file.value.profiles, proxy) === undefined) return
      await file.update(state => {
        delete state.profiles[proxy]
        if (state.current !== proxy) return
        const [next] = Object.keys(state.profiles).sort()
        if (next === undefined) delete state.current
        else state.current = next
      })
    },
    async use(proxy) {
      let found = false
      await file.update(state => {
        found = own(state.profiles, proxy) !== undefined
        if (found) state.current = proxy
      })
      return found
    },
    keys: proxy => vault.load(proxy),
    remembered: resource => own(file.value.resources, resource) ?? {},
    allRemembered: () => file.value.resources,
    async remember(resource, values) {
      await file.update(state => {
        const defined = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
        state.resources[resource] = { ...own(state.resources, resource), ...defined }
      })
    },
    favourites: () => file.value.favourites as readonly DatabaseId[],
    async setFavourite(resource, on) {
      await file.update(state => {
        const others = state.favourites.filter(id => id !== resource)
        if (on && others.length >= MAX_FAVOURITES)
          throw new PorticoError('usage/invalid', { why: `there are ${MAX_FAVOURITES} favourites already`, next: 'remove one first' })
        if (!on) state.favourites = others
        else if (others.length === state.favourites.length) state.favourites.push(resource)
      })
    },
    tunnels: () => file.value.tunnels,
    async keepTunnels(tunnels) {
      await file.update(state => {
        state.tunnels = structuredClone([...tunnels])
      })
    },
    async refresh() {
      await file.refresh()
    },
    onChange: listener => file.onChange(listener),
    notices: () => [...file.notices, ...vault.notices],
    close: () => file.close(),
  }
}

/** Names come from files and servers: `constructor` is not one of ours. */
function own<T>(record: Record<string, T>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined
}

function profileOf(state: StoredState, proxy: string): StoredProfile | undefined {
  const found = own(state.profiles, proxy)
  return found === undefined ? undefined : { ...found, proxy }
}
