/** What a peer may cost us. Every number may be set lower or higher for one connection. */
export interface SshLimits {
  /** bytes of everything up to and with the version line; RFC 4253 4.2 asks for 255 */
  readonly versionBytes: number
  /** bytes of one packet's body */
  readonly packetBytes: number
  /** refused keys before the connection ends; OpenSSH offers the plain key of each certificate first */
  readonly authAttempts: number
  /** ms from the first byte to signed in, without the time that our own side thinks */
  readonly loginMs: number
  /** open at once on one connection, both ways together */
  readonly channels: number
  /** bytes that a peer may send on one channel before we read them */
  readonly windowBytes: number
  /** bytes, both ways together, after which we ask for new keys */
  readonly rekeyBytes: number
  /** ms after which we ask for new keys */
  readonly rekeyMs: number
  /** ms that an exchange of new keys may take */
  readonly exchangeMs: number
  /** bytes of answers that may wait for a peer who does not read; then we read nothing more from it either */
  readonly backlogBytes: number
}

export const SSH_LIMITS: SshLimits = {
  versionBytes: 8 * 1024,
  packetBytes: 257 * 1024,
  authAttempts: 10,
  loginMs: 30_000,
  channels: 1000,
  windowBytes: 2 * 1024 * 1024,
  // 2^32 blocks of AES, as OpenSSH does. RFC 4344 3.2
  rekeyBytes: 2 ** 36,
  rekeyMs: 3_600_000,
  exchangeMs: 600_000,
  backlogBytes: 4 * 1024 * 1024,
}

/** Bytes of channel data in one packet. RFC 4253 6.1: what everybody must take. */
export const CHANNEL_PACKET = 32 * 1024
