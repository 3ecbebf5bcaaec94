import type { Duplex } from 'node:stream'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'
import type { AlgorithmChoice } from './algorithms.ts'
import type { ChannelListener, GlobalListener } from './channel-open.ts'
import { sshFailure } from './failures.ts'
import { SSH_LIMITS, type SshLimits } from './limits.ts'
import { LoginDeadline } from './login-deadline.ts'
import { ServerLogin, type Authorize } from './server-login.ts'
import type { SshSigner } from './signer.ts'
import { SshConnection } from './ssh-connection.ts'
import { Transport } from './transport.ts'

export interface SshServerOptions<Session> {
  /** Keys and certificates to show; the client chooses among them. */
  readonly hostKeys: readonly SshSigner[]
  readonly authorize: Authorize<Session>
  /** Default: all refused. */
  readonly onChannel?: ChannelListener<SshConnection<Session>> | undefined
  /** Default: all refused. */
  readonly onGlobal?: GlobalListener<SshConnection<Session>> | undefined
  /** Said before sign-in. */
  readonly banner?: string | undefined
  readonly signal?: AbortSignal | undefined
  readonly algorithms?: AlgorithmChoice | undefined
  readonly limits?: Partial<SshLimits> | undefined
  readonly log: Log
}

/**
 * Lets one client in over a stream, which then belongs to the connection. Resolves when it is signed in.
 * @throws PorticoError ssh/login-refused, ssh/no-common-algorithm, ssh/disconnected, wire/…, app/cancelled
 */
export async function serveSsh<Session>(stream: Duplex, options: SshServerOptions<Session>): Promise<SshConnection<Session>> {
  const limits: SshLimits = { ...SSH_LIMITS, ...options.limits }
  const { log, signal, hostKeys, authorize, banner, onChannel, onGlobal } = options
  let connection: SshConnection<Session> | undefined
  let settle: { resolve: (connection: SshConnection<Session>) => void; reject: (cause: PorticoError) => void }
  const signedIn = new Promise<SshConnection<Session>>((resolve, reject) => (settle = { resolve, reject }))

  const transport = new Transport(
    stream,
    { role: { side: 'server', hostKeys }, choice: options.algorithms ?? {}, limits, log },
    {
      onReady: () => {},
      onMessage: (number, payload) => (connection ?? login).onMessage(number, payload),
      onDrain: () => connection?.onDrain(),
      onClosed: cause => {
        settle.reject(cause ?? new PorticoError('app/cancelled'))
        connection?.onClosed(cause)
      },
    },
  )
  const login = new ServerLogin(transport, {
    authorize,
    banner,
    attempts: limits.authAttempts,
    log,
    onSignedIn: (user, session) => {
      connection = new SshConnection<Session>(transport, { user, session }, { limits, log, onChannel, onGlobal })
      settle.resolve(connection)
    },
  })
  const deadline = new LoginDeadline(limits.loginMs, () =>
    transport.fail(sshFailure('ssh/disconnected', 'the client took too long to sign in')),
  )
  const cancel = (): void => transport.fail(new PorticoError('app/cancelled'))
  signal?.addEventListener('abort', cancel, { once: true })
  if (signal?.aborted === true) cancel()
  try {
    return await signedIn
  } finally {
    deadline.end()
    signal?.removeEventListener('abort', cancel)
  }
}
