import { clientCommand, clientUrl, jdbcUrl, type ClientTarget } from '../launch/database-client.ts'
import { commandLine, shellOf } from '../launch/quote.ts'

/** What a person copies from an open tunnel. */
export interface Addresses {
  readonly url: string | null
  readonly jdbc: string | null
  /** Quoted for this system's shell; the bare address where no client is known. */
  readonly command: string
}

/** @param target its host is `localhost` for a tunnel: certificate names and tools agree on that one, not on 127.0.0.1 */
export function addressesOf(target: ClientTarget, platform: NodeJS.Platform = process.platform): Addresses {
  const client = clientCommand(target)
  return {
    url: clientUrl(target),
    jdbc: jdbcUrl(target),
    command:
      client === undefined
        ? `${target.address.host}:${target.address.port}`
        : commandLine([client.program, ...client.args], shellOf(platform)),
  }
}

/** A line for a person to copy into this system's shell. */
export function shellLine(words: readonly string[]): string {
  return commandLine(words, shellOf(process.platform))
}
