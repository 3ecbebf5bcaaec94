import { PorticoError, type Failure } from '../../shared/errors.ts'
import type { DatabaseRoute } from '../client/client.ts'
import type { CredentialSource, Credentials } from '../engine/engine.ts'
import type { AskCode } from './issue-credentials.ts'

/** The sign-in that certificates for resources hang on. */
export interface Login {
  /** ms since 1970 */
  readonly validUntil: number
  /** Differs after every sign-in. */
  readonly fingerprint: string
}

export type CredentialEvent =
  | { readonly type: 'renewed'; readonly tunnels: readonly string[]; readonly notAfter: number }
  /** Told once per proxy, until the next sign-in. */
  | { readonly type: 'login-needed'; readonly proxy: string }
  | { readonly type: 'failed'; readonly tunnels: readonly string[]; readonly failure: Failure }

export interface CredentialOffice extends CredentialSource {
  /** From now on `tunnel` gets certificates for `route`. */
  bind(tunnel: string, proxy: string, route: DatabaseRoute): void
  /** End of the certificate that a tunnel has, ms since 1970; null = none that is good. */
  certificateUntil(tunnel: string): number | null
  /** Connections of `tunnel` that still wait are let go with `app/cancelled`. */
  unbind(tunnel: string): void
  /** Somebody signed in, here or in another process: everything that waits goes on. */
  signedIn(proxy: string): void
  /** Somebody signed out: what was issued is dropped. */
  signedOut(proxy: string): void
}

export interface CodeQuestion {
  readonly tunnels: readonly string[]
  readonly route: DatabaseRoute
  /** Why the code before was not taken. */
  readonly refused: Failure | undefined
}

export interface CredentialOptions {
  login(proxy: string): Login | undefined
  /** Asks the cluster; `expires` is ms since 1970. */
  issue(proxy: string, route: DatabaseRoute, expires: number, signal: AbortSignal, askCode: AskCode): Promise<Credentials>
  /** Brings a one-time code for a session of these tunnels; waits as long as a person takes. */
  askCode(question: CodeQuestion, signal: AbortSignal): Promise<string>
  onEvent(event: CredentialEvent): void
  now?(): number
}

interface Entry {
  readonly proxy: string
  readonly route: DatabaseRoute
  readonly tunnels: Set<string>
  readonly stop: AbortController
  issued: Credentials | undefined
  /** Fingerprint of the login that `issued` was asked with. */
  issuedWith: string
  /** Whether `issued` was confirmed with a code: then it is for the tunnels that run, and for no longer than they do. */
  confirmed: boolean
  /** When a refusal last made us ask again. */
  refusedAt: number
  pending: Promise<Credentials> | undefined
}

interface Gate {
  readonly opened: Promise<void>
  open(): void
}

/** A server that refuses every new certificate is not asked more often than this. */
const REFUSED_AGAIN_MS = 5_000
/** A certificate that a role cut short is renewed this long before its end. */
const MARGIN_MS = 60_000
/** Ends are compared this coarsely: certificates carry whole seconds. */
const SAME_END_MS = 2_000

/**
 * Certificates for tunnels: one per route, one shared renewal however many connections of however many tunnels wait for it.
 * They end with the login at the latest: renewed once to the login's end, again only when that would end later, after a new
 * sign-in, or when a handshake was refused. While a login is needed everything waits, asked for once per proxy. design.md 5, 8
 */
export function openCredentials({ login, issue, askCode, onEvent, now = Date.now }: CredentialOptions): CredentialOffice {
  const entries = new Map<string, Entry>()
  const byTunnel = new Map<string, Entry>()
  const gates = new Map<string, Gate>()
  /** Logins that the cluster itself called ended, whatever our clock says. */
  const dead = new Set<string>()

  const alive = (proxy: string): Login | undefined => {
    const found = login(proxy)
    return found !== undefined && found.validUntil > now() && !dead.has(found.fingerprint) ? found : undefined
  }

  const gateOf = (proxy: string): Gate => {
    let gate = gates.get(proxy)
    if (gate === undefined) {
      let open = (): void => {}
      const opened = new Promise<void>(resolve => {
        open = resolve
      })
      gate = { opened, open }
      gates.set(proxy, gate)
      onEvent({ type: 'login-needed', proxy })
    }
    return gate
  }

  const isFresh = (entry: Entry): boolean => {
    const { issued } = entry
    if (issued === undefined || issued.notAfter <= now()) return false
    const current = alive(entry.proxy)
    if (current === undefined) return true
    if (current.fingerprint !== entry.issuedWith) return false
    // A server may let a confirmed one live for a minute: renewed ahead of its end it would cost a code each time.
    if (entry.confirmed) return true
    const couldEndLater = current.validUntil - issued.notAfter > SAME_END_MS
    return !(couldEndLater && issued.notAfter - now() < MARGIN_MS)
  }

  const renew = async (entry: Entry): Promise<Credentials> => {
    const { signal } = entry.stop
    for (;;) {
      const current = alive(entry.proxy)
      if (current === undefined) {
        await orAborted(gateOf(entry.proxy).opened, signal)
        continue
      }
      try {
        let confirmed = false
        const issued = await issue(entry.proxy, entry.route, current.validUntil, signal, refused => {
          confirmed = true
          return orAborted(askCode({ tunnels: [...entry.tunnels], route: entry.route, refused }, signal), signal)
        })
        signal.throwIfAborted()
        entry.confirmed = confirmed
        entry.issued = issued
        entry.issuedWith = current.fingerprint
        onEvent({ type: 'renewed', tunnels: [...entry.tunnels], notAfter: issued.notAfter })
        return issued
      } catch (thrown) {
        const error = PorticoError.from(thrown)
        if (error.code === 'login/expired' || error.code === 'login/required') {
          dead.add(current.fingerprint)
          continue
        }
        if (!signal.aborted) onEvent({ type: 'failed', tunnels: [...entry.tunnels], failure: error.toFailure() })
        throw error
      }
    }
  }

  return {
    async credentials(tunnel, refused) {
      const entry = byTunnel.get(tunnel)
      if (entry === undefined) throw new PorticoError('tunnel/not-found', { tunnel })
      if (refused !== undefined && entry.issued?.cert === refused) {
        if (now() - entry.refusedAt < REFUSED_AGAIN_MS)
          throw new PorticoError('proxy/refused', { proxy: entry.proxy, why: 'it refused a certificate that was just made' })
        entry.refusedAt = now()
        entry.issued = undefined
      }
      if (isFresh(entry)) return entry.issued!
      if (entry.pending === undefined) {
        const pending = renew(entry).finally(() => {
          if (entry.pending === pending) entry.pending = undefined
        })
        entry.pending = pending
      }
      return entry.pending
    },
    bind(tunnel, proxy, route) {
      const key = JSON.stringify([proxy, route.cluster, route.name, route.dbProtocol, route.databaseUser, route.databaseName])
      let entry = entries.get(key)
      if (entry === undefined || entry.stop.signal.aborted) {
        entry = {
          proxy,
          route,
          tunnels: new Set(),
          stop: new AbortController(),
          issued: undefined,
          issuedWith: '',
          confirmed: false,
          refusedAt: Number.NEGATIVE_INFINITY,
          pending: undefined,
        }
        entries.set(key, entry)
      }
      entry.tunnels.add(tunnel)
      byTunnel.set(tunnel, entry)
    },
    certificateUntil(tunnel) {
      const issued = byTunnel.get(tunnel)?.issued
      return issued === undefined || issued.notAfter <= now() ? null : issued.notAfter
    },
    unbind(tunnel) {
      const entry = byTunnel.get(tunnel)
      byTunnel.delete(tunnel)
      entry?.tunnels.delete(tunnel)
      if (entry === undefined || entry.tunnels.size > 0) return
      // The certificate is kept for the next start of this route; only what waits for nobody any more ends.
      if (entry.confirmed) entry.issued = undefined
      if (entry.pending !== undefined) entry.stop.abort(new PorticoError('app/cancelled'))
    },
    signedIn(proxy) {
      if (alive(proxy) === undefined) return
      gates.get(proxy)?.open()
      gates.delete(proxy)
    },
    signedOut(proxy) {
      for (const entry of entries.values()) if (entry.proxy === proxy) entry.issued = undefined
    },
  }
}

function orAborted<T>(wanted: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(PorticoError.from(signal.reason))
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })
    wanted.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
