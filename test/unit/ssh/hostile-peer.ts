import { NO_LOG } from '../../../electron/log/log.ts'
import { ClientLogin } from '../../../electron/ssh/client-login.ts'
import { SSH_LIMITS, type SshLimits } from '../../../electron/ssh/limits.ts'
import { serveSsh, type SshServerOptions } from '../../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { Transport } from '../../../electron/ssh/transport.ts'
import type { PorticoError } from '../../../shared/errors.ts'
import { keyOf, openWire, type Wire } from '../../kit/ssh-pair.ts'

/** A client that speaks the transport well, and above it says whatever a test wants. */
export interface HostilePeer {
  readonly wire: Wire
  /** The honest server, signed in to; undefined with `signIn: false`. */
  readonly server: SshConnection<string> | undefined
  /** How opening the server ended. */
  readonly serving: Promise<SshConnection<string>>
  /** Messages of the layers above that the server sent. */
  readonly heard: Buffer[]
  say(...payload: readonly (number | Buffer)[]): void
  readonly ended: Promise<PorticoError | undefined>
  close(): Promise<void>
}

interface HostileOptions {
  readonly signIn?: boolean
  readonly server?: Partial<SshServerOptions<string>>
  readonly limits?: Partial<SshLimits>
}

export async function openHostilePeer({ signIn = true, server = {}, limits = {} }: HostileOptions = {}): Promise<HostilePeer> {
  const wire = openWire()
  const heard: Buffer[] = []
  let signedIn = false
  let end: (cause: PorticoError | undefined) => void
  const ended = new Promise<PorticoError | undefined>(resolve => (end = resolve))
  let ready: () => void
  const keysInUse = new Promise<void>(resolve => (ready = resolve))
  const serving = serveSsh<string>(wire.server, {
    hostKeys: [keySigner(keyOf('ed25519', 'host').privateKey)],
    authorize: () => '',
    onChannel: ({ accept }) => void accept().resume(),
    log: NO_LOG,
    ...server,
    limits,
  })
  serving.catch(() => {})
  const transport = new Transport(
    wire.client,
    { role: { side: 'client', verifyHost: () => {} }, choice: {}, limits: SSH_LIMITS, log: NO_LOG },
    {
      onReady: () => ready(),
      onMessage: (number, payload) => (signedIn || !signIn ? heard.push(payload) > 0 : login.onMessage(number, payload)),
      onDrain: () => {},
      onClosed: cause => end(cause),
    },
  )
  const login = new ClientLogin(transport, { onBanner: () => {}, onSignedIn: () => (signedIn = true) })
  await keysInUse
  if (signIn) await login.signIn('alice', [keySigner(keyOf('ed25519', 'user').privateKey)], async work => work())
  return {
    wire,
    server: signIn ? await serving : undefined,
    serving,
    heard,
    say: (...payload) => transport.send(Buffer.concat(payload.map(part => (typeof part === 'number' ? Buffer.from([part]) : part)))),
    ended,
    close: () => transport.close(),
  }
}
