import type { Log } from '../../log/log.ts'
import type { Storage } from '../storage/storage.ts'

/** Which routers serve the cluster: each renews its record, all see the others'. */
export interface ProxyList {
  /** Host ids, this router's first. */
  all(): readonly string[]
  close(): Promise<void>
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
  let others: readonly string[] = []

  const announce = (): Promise<unknown> => storage.put(PREFIX + hostId, {}, { expires: now() + KEPT_MS })
  async function look(): Promise<void> {
    const found = (await storage.list(PREFIX)).map(({ key }) => key.slice(PREFIX.length)).filter(id => id !== hostId)
    const changed = found.length !== others.length || found.some(id => !others.includes(id))
    others = found
    if (changed) onChange()
  }
  const failed = (thrown: unknown): void => log.warn('tunnel.proxies', {}, thrown)

  await announce()
  await look()
  const unwatch = storage.watch(PREFIX, event => {
    const key = event.type === 'put' ? event.item.key : event.key
    const known = key === PREFIX + hostId || (event.type === 'put' && others.includes(key.slice(PREFIX.length)))
    if (!known) look().catch(failed)
  })
  const renewing = setInterval(() => {
    announce().then(look).catch(failed)
  }, RENEW_MS).unref()
  return {
    all: () => [hostId, ...others],
    async close() {
      clearInterval(renewing)
      unwatch()
      await storage.delete(PREFIX + hostId).catch(failed)
    },
  }
}
