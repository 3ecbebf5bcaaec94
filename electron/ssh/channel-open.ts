import { OPEN_REFUSED } from './messages/message-number.ts'
import type { SshChannel } from './ssh-channel.ts'

/** A channel that the peer wants to open. Exactly one answer counts; without one the peer waits. */
export interface IncomingChannel {
  readonly type: string
  /** What follows the type in the message. */
  readonly data: Buffer
  /** The channel is usable at once. @throws PorticoError ssh/disconnected when the connection ended meanwhile, app/bug after another answer */
  accept(): SshChannel
  /** @param reason a number of OPEN_REFUSED; default: prohibited */
  reject(text: string, reason?: number): void
  readonly answered: boolean
}

export type ChannelListener<Connection> = (incoming: IncomingChannel, connection: Connection) => void | Promise<void>

/** @returns true or the payload of the success; false is a refusal, as is what it throws */
export type GlobalListener<Connection> = (
  name: string,
  data: Buffer,
  connection: Connection,
) => boolean | Buffer | Promise<boolean | Buffer>

/** For connections that open channels and let none be opened. */
export const refuseChannel = ({ type, reject }: IncomingChannel): void =>
  reject(`channels of type ${type} are not served here`, OPEN_REFUSED.unknownType)
