import { connect } from 'node:net'
import type { IncomingChannel } from './channel-open.ts'
import { joinStreams } from './join-streams.ts'
import { OPEN_REFUSED } from './messages/message-number.ts'
import type { SshChannel } from './ssh-channel.ts'
import type { SshConnection } from './ssh-connection.ts'
import { SshKeyAgent } from './ssh-key-agent.ts'

/** OpenSSH's agent forwarding: the request on a session, and the channels that come back. OpenSSH: PROTOCOL.agent */

export const AGENT_REQUEST = 'auth-agent-req@openssh.com'
export const AGENT_CHANNEL = 'auth-agent@openssh.com'

/** Lets programs of this session use our agent. @returns false when the server refuses */
export function forwardAgent(session: SshChannel): Promise<boolean> {
  return session.request(AGENT_REQUEST)
}

/** Client side: joins a channel that the server opened to the agent at `path`. Only for sessions that asked for it. */
export async function serveAgentChannel(incoming: IncomingChannel, path: string): Promise<void> {
  const agent = connect({ path, allowHalfOpen: true })
  const connected = new Promise<boolean>(resolve => agent.once('connect', () => resolve(true)).on('error', () => resolve(false)))
  if (!(await connected)) return incoming.reject('the agent cannot be reached', OPEN_REFUSED.connectFailed)
  try {
    await joinStreams(incoming.accept(), agent)
  } catch {
    // The connection ended while we dialled.
    agent.destroy()
  }
}

/** Server side: the agent of a client that asked for forwarding. @throws PorticoError ssh/channel-refused */
export async function openForwardedAgent(connection: SshConnection<unknown>): Promise<SshKeyAgent> {
  return new SshKeyAgent(await connection.open(AGENT_CHANNEL))
}
