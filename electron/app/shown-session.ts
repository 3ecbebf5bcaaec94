import type { Notice } from '../state/notice.ts'
import type { Context } from './context.ts'
import { showSession } from './show-session.ts'
import type { StateBox } from './state-box.ts'
import type { Tunnels } from './tunnels.ts'

export interface ShownSession {
  /** Session, profiles and notices, only what really changed. */
  tell(): void
  /** The cluster called the session of this proxy ended, whatever our clock says. */
  ended(proxy: string): void
  /** Somebody signed in again. */
  begun(proxy: string): void
  dismissNotice(id: string): void
  close(): void
}

/**
 * The slices of the state that tell who is signed in, kept true as time passes.
 * @param others what else a person should read now
 */
export function watchSession(
  context: Context,
  box: StateBox,
  tunnels: Pick<Tunnels, 'list' | 'proxyOf'>,
  others: () => readonly Notice[],
): ShownSession {
  /** Proxies that called a session ended before our clock did, and when. */
  const endedEarly = new Map<string, number>()
  const dismissed = new Set<string>()
  let expiryTimer: NodeJS.Timeout | undefined
  let closed = false

  const tell = (): void => {
    if (closed) return
    const { session, profiles, notices } = showSession(context, tunnels, endedEarly)
    const shown = [...notices, ...others()].filter(({ id }) => !dismissed.has(id))
    const { state } = box.read()
    const slices = {
      ...(same(state.session, session) ? {} : { session }),
      ...(same(state.profiles, profiles) ? {} : { profiles }),
      ...(same(state.notices, shown) ? {} : { notices: shown }),
    }
    if (Object.keys(slices).length > 0) box.change(slices)
    clearTimeout(expiryTimer)
    if (session.state !== 'active') return
    // A timer cannot be longer than 2^31 ms; it looks again then.
    expiryTimer = setTimeout(tell, Math.min(Math.max(session.profile.validUntil - context.now(), 0) + 50, 2 ** 31 - 1))
    expiryTimer.unref()
  }

  return {
    tell,
    ended(proxy) {
      if (!endedEarly.has(proxy)) endedEarly.set(proxy, context.now())
      tell()
    },
    begun(proxy) {
      endedEarly.delete(proxy)
      tell()
    },
    dismissNotice(id) {
      dismissed.add(id)
      tell()
    },
    close() {
      closed = true
      clearTimeout(expiryTimer)
    },
  }
}

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other)
