import { parseAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { ProxyHealth } from '../../shared/state.ts'
import { webRequest } from '../client/web-request.ts'
import type { StoredProfile } from '../state/stored-state.ts'

export interface HealthOptions {
  /** The login on show. */
  profile(): StoredProfile | undefined
  /** Whether something is shown or connected: else nobody asks. */
  wanted(): boolean
  now(): number
  /** Told when reachability or the reason changed. */
  onChange(health: ProxyHealth): void
}

export interface HealthWatch {
  /** After a connection failed or somebody signed in: now rather than in 5 s. */
  lookNow(): void
  /** Another proxy is on show. */
  forget(): void
  close(): void
}

/** One `find` per proxy every 5 s, never more; a look that takes longer counts as unreachable. design.md 8 */
const EVERY_MS = 5_000
const TIMEOUT_MS = 4_500
const MAX_BYTES = 256 * 1024

export function watchProxy({ profile, wanted, now, onChange }: HealthOptions): HealthWatch {
  let looking: AbortController | undefined
  let told: ProxyHealth | undefined
  let lastLook = Number.NEGATIVE_INFINITY

  const tell = (health: ProxyHealth): void => {
    if (told !== undefined && told.reachable === health.reachable && told.failure?.code === health.failure?.code) return
    told = health
    onChange(health)
  }

  const look = async (): Promise<void> => {
    const found = profile()
    if (looking !== undefined || found === undefined || !wanted()) return
    const mine = new AbortController()
    looking = mine
    lastLook = now()
    try {
      await find(found, mine.signal)
      if (!mine.signal.aborted) tell({ reachable: true, since: now(), failure: null })
    } catch (thrown) {
      if (mine.signal.aborted) return
      tell({ reachable: false, since: now(), failure: PorticoError.from(thrown).toFailure() })
    } finally {
      if (looking === mine) looking = undefined
    }
  }

  const timer = setInterval(() => void look(), EVERY_MS)
  timer.unref()
  return {
    lookNow() {
      // Many connections that fail at once ask once.
      if (now() - lastLook > 1_000) void look()
    },
    forget() {
      looking?.abort()
      looking = undefined
      told = undefined
      lastLook = Number.NEGATIVE_INFINITY
    },
    close() {
      clearInterval(timer)
      looking?.abort()
    },
  }
}

/** The smallest question that a proxy answers to anybody. wire/webapi.md 3 */
async function find({ proxy, trust }: StoredProfile, signal: AbortSignal): Promise<void> {
  const address = parseAddress(proxy, 443)
  if (address === undefined) throw new PorticoError('app/bug', { why: 'a profile without an address' })
  const { status } = await webRequest({
    address,
    trust,
    method: 'GET',
    path: '/webapi/find',
    limit: MAX_BYTES,
    deadlineMs: TIMEOUT_MS,
    signal,
  })
  if (status !== 200) throw new PorticoError('proxy/answer', { proxy, why: `status ${status}` })
}
