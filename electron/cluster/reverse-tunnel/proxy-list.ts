import type { Log } from '../../log/log.ts'
import type { Storage } from '../storage/storage.ts'

/** Which routers serve the cluster: each renews its record, all see the others'. */
export interface ProxyList {
  /** Host ids, this router's first until it leaves. */
  all(): readonly string[]
  /** Takes this router out: it ends, or begins to. Idempotent. */
  leave(): Promise<void>
}

const PREFIX = 'proxies/'
/** Teleport: a proxy is forgotten when it has not been heard of for some time. */
const KEPT_MS = 60_000
const RENEW_MS = 20_000

/** @param onChange a router has come or gone */
export async function openProxyList(
  storage: Storage,
  hostId: string,
  now: () => number,
  onChange: () => void,
  log: Log,
): Promise<ProxyList> {
  // A router that was killed and runs again before its record lapsed has the same id: it has lost its agents all the same.
  const record = { started: now() }
  let others: ReadonlyMap<string, unknown> = new Map()
  let leaving: Promise<void> | undefined

  const announce = (): Promise<unknown> => storage.put(PREFIX + hostId, record, { expires: now() + KEPT_MS })
  async function look(): Promise<void> {
    const found = new Map((await storage.list(PREFIX)).map(({ key, value }) => [key.slice(PREFIX.length), startOf(value)]))
    found.delete(hostId)
    const changed = found.size !== others.size || [...found].some(([id, started]) => others.get(id) !== started)
    others = found
    if (changed) onChange()
  }
  const failed = (thrown: unknown): void => log.warn('tunnel.proxies', {}, thrown)

  await announce()
  await look()
  const unwatch = storage.watch(PREFIX, event => {
    const id = (event.type === 'put' ? event.item.key : event.key).slice(PREFIX.length)
    const known = id === hostId || (event.type === 'put' && others.has(id) && others.get(id) === startOf(event.item.value))
    if (!known) look().catch(failed)
  })
  const renewing = setInterval(() => {
    announce().then(look).catch(failed)
  }, RENEW_MS).unref()
  async function leave(): Promise<void> {
    clearInterval(renewing)
    unwatch()
    await storage.delete(PREFIX + hostId).catch(failed)
  }
  return {
    all: () => [...(leaving === undefined ? [hostId] : []), ...others.keys()],
    leave: () => (leaving ??= leave()),
  }
}

const startOf = (record: unknown): unknown => (record as { readonly started?: unknown } | null)?.started
