import type { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { IncomingChannel } from '../../ssh/channel-open.ts'
import { joinStreams } from '../../ssh/join-streams.ts'
import type { SshChannel } from '../../ssh/ssh-channel.ts'
import type { SshConnection } from '../../ssh/ssh-connection.ts'
import { SERVER_VERSION } from '../auth/messages.ts'
import { decodeDialRequest, encodeDialRequest, type DialRequest } from './dial-request.ts'
import { CHANNEL, REQUEST } from './names.ts'

/** The far end may dial for 30 s itself. Teleport: defaults.DefaultIOTimeout */
const DIAL_MS = 40_000
/** How long the request may take after its channel. */
const REQUEST_MS = 30_000
const REASON_LIMIT = 4_096

/** What a dial leads to, and whether a tunnel was used to get there. */
export interface Dialled {
  readonly stream: Duplex
  readonly byTunnel: boolean
}

/**
 * Opens one connection through the other side of a tunnel. wire/router-config.md 5.2
 * @throws PorticoError `proxy/unreachable` with the far end's words
 */
export async function dialTransport(connection: Pick<SshConnection<unknown>, 'open'>, request: DialRequest): Promise<SshChannel> {
  const signal = AbortSignal.timeout(DIAL_MS)
  let channel: SshChannel | undefined
  const late = (): void => void channel?.destroy()
  try {
    channel = await connection.open(CHANNEL.transport, { signal })
    signal.addEventListener('abort', late)
    if (await channel.request(REQUEST.dial, encodeDialRequest(request, SERVER_VERSION))) return channel
    throw new PorticoError('proxy/unreachable', {
      why: (await reasonOf(channel)) || `failed connecting to ${request.address} [${request.serverId}]`,
    })
  } catch (thrown) {
    channel?.destroy()
    if (thrown instanceof PorticoError && thrown.code === 'proxy/unreachable') throw thrown
    const why = signal.aborted
      ? 'no answer over the reverse tunnel'
      : String(PorticoError.from(thrown).facts['why'] ?? 'the reverse tunnel broke')
    throw new PorticoError('proxy/unreachable', { why }, thrown)
  } finally {
    signal.removeEventListener('abort', late)
  }
}

/** What stderr says until it ends, less the space that every receiver begins with. */
async function reasonOf({ stderr }: SshChannel): Promise<string> {
  let text = ''
  const late = setTimeout(() => stderr.destroy(), 1_000)
  try {
    for await (const chunk of stderr) {
      text += String(chunk)
      if (text.length > REASON_LIMIT) break
    }
  } catch {
    // What came so far is the reason.
  } finally {
    clearTimeout(late)
  }
  return text.slice(0, REASON_LIMIT).trim()
}

/**
 * The receiving side: takes the channel, waits for its request, opens what it asks for, and joins both. Failures are told on stderr.
 * @param open throws PorticoError with `facts.why` for the other side
 */
export function serveTransport(incoming: IncomingChannel, open: (request: DialRequest) => Promise<Dialled>, log: Log): SshChannel {
  const channel = incoming.accept()
  // At once, so that a reader of stderr never blocks.
  channel.stderr.write(' ')
  let byTunnel = false
  let asked = false
  const late = setTimeout(() => channel.destroy(), REQUEST_MS)
  channel.once('close', () => clearTimeout(late))
  const fail = (why: string): false => {
    channel.stderr.write(why)
    setImmediate(() => channel.close())
    return false
  }
  channel.onRequest(async ({ type, data }) => {
    if (type === REQUEST.connectionType) return byTunnel
    if (type !== REQUEST.dial || asked) return false
    asked = true
    clearTimeout(late)
    try {
      const dialled = await open(decodeDialRequest(data))
      if (channel.destroyed) {
        dialled.stream.destroy()
        return false
      }
      byTunnel = dialled.byTunnel
      // After the reply has left: it is what the other side waits for.
      setImmediate(() => void joinStreams(channel, dialled.stream))
      return true
    } catch (thrown) {
      const cause = PorticoError.from(thrown)
      if (cause.code === 'app/bug') log.error('tunnel.dial', {}, cause)
      return fail(cause.code === 'app/bug' ? 'internal error' : String(cause.facts['why'] ?? cause.code))
    }
  })
  return channel
}
