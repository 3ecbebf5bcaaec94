import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { AlgorithmChoice } from './algorithms.ts'
import type { ChannelListener, GlobalListener } from './channel-open.ts'
import { ClientLogin } from './client-login.ts'
import { sshFailure } from './failures.ts'
import { SSH_LIMITS, type SshLimits } from './limits.ts'
import { LoginDeadline } from './login-deadline.ts'
import type { SshPublicKey } from './public-key.ts'
import type { SshSigner } from './signer.ts'
import { SshConnection } from './ssh-connection.ts'
import { Transport } from './transport.ts'

export interface SshClientOptions {
  /** Throws (or rejects with) the reason to refuse the server. May ask a person: its time does not count. */
  verifyHost(key: SshPublicKey): void | Promise<void>
  readonly user: string
  /** Shown in turn; a function is asked when the server is known, for example an ssh-agent. */
  readonly identities: readonly SshSigner[] | (() => Promise<readonly SshSigner[]>)
  /** Cancels opening; an open connection has `close()`. */
  readonly signal?: AbortSignal | undefined
  /** Channels that the server opens; default: all refused. */
  readonly onChannel?: ChannelListener<SshConnection> | undefined
  /** Global requests of the server; default: all refused. */
  readonly onGlobal?: GlobalListener<SshConnection> | undefined
  /** What the server says before sign-in, fit for a terminal. */
  readonly onBanner?: ((text: string) => void) | undefined
  /** Default: everything that we speak, host certificates before plain keys. */
  readonly algorithms?: (AlgorithmChoice & { readonly hostKey?: readonly string[] }) | undefined
  readonly limits?: Partial<SshLimits> | undefined
  readonly log: Log
}

/**
 * Signs in over a stream, which then belongs to the connection.
 * @throws PorticoError ssh/host-refused, ssh/login-refused, ssh/no-common-algorithm, ssh/disconnected, wire/…, app/cancelled
 */
export async function openSshClient(stream: Duplex, options: SshClientOptions): Promise<SshConnection> {
  const limits: SshLimits = { ...SSH_LIMITS, ...options.limits }
  const { user, log, signal, algorithms, identities } = options
  let failed: (cause: PorticoError) => void = () => {}
  const failure = new Promise<never>((_, reject) => (failed = reject))
  let ready: () => void = () => {}
  const keysInUse = new Promise<void>(resolve => (ready = resolve))
  let connection: SshConnection | undefined

  const transport = new Transport(
    stream,
    {
      role: {
        side: 'client',
        verifyHost: key => deadline.without(() => options.verifyHost(key)),
        ...(algorithms?.hostKey !== undefined && { hostKeyAlgorithms: algorithms.hostKey }),
      },
      choice: algorithms ?? {},
      limits,
      log,
    },
    {
      onReady: () => ready(),
      onMessage: (number, payload) => (connection ?? login).onMessage(number, payload),
      onDrain: () => connection?.onDrain(),
      onClosed: cause => {
        const why = cause ?? new PorticoError('app/cancelled')
        login.onClosed(why)
        failed(why)
        connection?.onClosed(cause)
      },
    },
  )
  const login = new ClientLogin(transport, {
    onBanner: text => options.onBanner?.(text),
    onSignedIn: () => {
      connection = new SshConnection(
        transport,
        { user, session: undefined },
        { limits, log, onChannel: options.onChannel, onGlobal: options.onGlobal },
      )
    },
  })
  const deadline = new LoginDeadline(limits.loginMs, () =>
    transport.fail(sshFailure('ssh/disconnected', 'the server took too long to let us in')),
  )
  const cancel = (): void => transport.fail(new PorticoError('app/cancelled'))
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()
  try {
    await Promise.race([keysInUse, failure])
    const signers = typeof identities === 'function' ? await Promise.race([deadline.without(identities), failure]) : identities
    await Promise.race([login.signIn(user, signers, work => deadline.without(work)), failure])
    log.debug('ssh.signed-in', { user, peer: transport.peerVersion, cipher: transport.agreement?.toServer.cipher ?? '' })
    return connection!
  } catch (thrown) {
    const cause = PorticoError.from(thrown)
    transport.fail(cause)
    throw cause
  } finally {
    deadline.end()
    signal?.removeEventListener('abort', cancel)
    failure.catch(() => {}) // a later end is told by `closed`
  }
}
