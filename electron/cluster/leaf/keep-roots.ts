import { formatAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { joinRoot, type TrustedClusterConfig } from './join-root.ts'

const FIRST_PAUSE_MS = 500
const LONGEST_PAUSE_MS = 30_000

interface KeepRootsOptions {
  readonly auth: OpenAuth
  readonly configured: readonly TrustedClusterConfig[]
  /** PEM: what the roots' web certificates are verified with. */
  readonly webRoots: readonly string[]
  readonly log: Log
}

/**
 * Makes the clusters that this one is a leaf of those of its configuration: what is no longer there is trusted no more. A root that is
 * away is asked again until it answers; one that refuses is told in the log.
 */
export async function keepRoots({ auth, configured, webRoots, log }: KeepRootsOptions): Promise<{ close(): void }> {
  const ending = new AbortController()
  const enabled = configured.filter(one => one.enabled)
  const addresses = new Set(enabled.map(({ tunnel }) => formatAddress(tunnel)))
  for (const root of auth.trust.roots()) if (!addresses.has(root.tunnelAddress)) await auth.trust.removeRoot(root.name)

  async function keep(config: TrustedClusterConfig): Promise<void> {
    const { signal } = ending
    for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        return void (await joinRoot(auth, config, { roots: webRoots, signal, log }))
      } catch (thrown) {
        if (signal.aborted) return
        const cause = PorticoError.from(thrown)
        const facts = { proxy: formatAddress(config.webProxy), why: String(cause.facts['why'] ?? cause.code) }
        if (cause.code !== 'proxy/unreachable') return log.error('trust.refused', facts, thrown)
        log.warn('trust.waiting', facts)
      }
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, pause)
        const end = (): void => {
          clearTimeout(timer)
          resolve()
        }
        signal.addEventListener('abort', end, { once: true })
      })
    }
  }

  for (const config of enabled) void keep(config)
  return { close: () => ending.abort() }
}
