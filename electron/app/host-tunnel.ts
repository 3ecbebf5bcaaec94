import { PorticoError } from '../../shared/errors.ts'
import type { TunnelMode } from '../../shared/state.ts'
import type { EngineEvent } from '../engine/engine.ts'
import { openEngine } from '../engine/open-engine.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { AuthSessions } from './auth-sessions.ts'
import type { Context } from './context.ts'
import { openCredentials, type CredentialEvent } from './credentials.ts'
import { findDatabase, routeTo } from './find-database.ts'
import { issueCredentials } from './issue-credentials.ts'
import { passthroughFiles } from './passthrough-files.ts'
import { openTunnels, type OpenTunnel } from './tunnels.ts'

export interface HostedOptions {
  readonly context: Context
  readonly sessions: AuthSessions
  readonly profile: StoredProfile
  readonly workerFile: URL
  readonly name: string
  readonly cluster?: string | undefined
  readonly databaseUser?: string | undefined
  readonly databaseName?: string | undefined
  readonly mode: TunnelMode
  readonly port?: number | undefined
  readonly socket?: string | null | undefined
  readonly holdMs?: number | undefined
  /** Ends a start; an open tunnel is ended by close(). */
  readonly signal: AbortSignal
  onCredentials(event: CredentialEvent): void
  onEngineEvent(event: EngineEvent): void
  /** The listener died on its own. */
  onLost(error: PorticoError): void
}

export interface Hosted {
  readonly tunnel: OpenTunnel
  /** Resolves once a certificate is at hand. @throws PorticoError why there is none */
  certificate(): Promise<void>
  /** This process signed in; those of other processes are heard of. */
  signedIn(): void
  close(drainMs?: number): Promise<void>
}

/**
 * One tunnel in this process, apart from any running engine.
 * @throws PorticoError `resource/*`, `usage/choose`, `tunnel/*`, `proxy/*`, `login/*`
 */
export async function hostTunnel(options: HostedOptions): Promise<Hosted> {
  const { context, sessions, profile, workerFile, signal, name, mode, port, socket, holdMs, databaseUser, databaseName } = options
  const database = await findDatabase(context, sessions, profile, name, options.cluster, signal)
  const route = routeTo(context, profile, database, { databaseUser, databaseName })
  const files = mode === 'passthrough' ? { files: await passthroughFiles(context, sessions, profile, route, signal) } : {}
  let isOpen = false
  const credentials = openCredentials({
    now: context.now,
    login(proxy) {
      const found = context.profiles.get(proxy)
      return found === undefined ? undefined : { validUntil: found.validUntil, fingerprint: `${found.user} ${found.validUntil}` }
    },
    issue: (proxy, wanted, expires, stop) => issueCredentials(sessions, proxy, wanted, expires, stop),
    onEvent: options.onCredentials,
  })
  const tunnels = openTunnels({
    context,
    credentials,
    engine: () => openEngine({ threads: 1, workerFile, log: context.log, credentials }),
    onChange() {
      for (const tunnel of tunnels.list())
        if (tunnel.state === 'failed' && isOpen) options.onLost(new PorticoError(tunnel.failure.code, tunnel.failure.facts))
    },
    onEngineEvent: options.onEngineEvent,
  })
  const signedIn = (): void => {
    if (context.profiles.get(profile.proxy) === undefined) credentials.signedOut(profile.proxy)
    else credentials.signedIn(profile.proxy)
  }
  const stopFollowing = context.profiles.onChange(signedIn)
  const cancel = (): void => {
    if (!isOpen) tunnels.close(0).catch((thrown: unknown) => context.log.error('tunnel.stop', {}, thrown))
  }
  const close = async (drainMs?: number): Promise<void> => {
    isOpen = false
    stopFollowing()
    signal.removeEventListener('abort', cancel)
    await tunnels.close(drainMs)
  }
  signal.addEventListener('abort', cancel)
  try {
    const tunnel = await tunnels.start({ profile, database, route, mode, port, socket, holdMs, ...files })
    isOpen = true
    return {
      tunnel,
      async certificate() {
        await credentials.credentials(tunnel.id)
      },
      signedIn,
      close,
    }
  } catch (thrown) {
    await close(0)
    throw thrown
  }
}

export type { EngineEvent }
