import { clientUrl, databaseClient, jdbcUrl } from '../launch/database-client.ts'
import type { ClientTarget } from '../launch/client-target.ts'
import { findFirstProgram } from '../launch/find-program.ts'
import { commandLine, shellOf } from '../launch/quote.ts'

/** What a person copies from an open tunnel. */
export interface Addresses {
  readonly url: string | null
  readonly jdbc: string | null
  /** Quoted for this system's shell; the bare address where no client is known. */
  readonly command: string
}

/**
 * @param target its host is `localhost` for a tunnel: certificate names and tools agree on that one, not on 127.0.0.1
 * @param program which of the protocol's clients is there; see {@link chooseProgram}
 */
export function addressesOf(target: ClientTarget, program: string | undefined, platform: NodeJS.Platform = process.platform): Addresses {
  return {
    url: clientUrl(target),
    jdbc: jdbcUrl(target),
    command: clientLine(target, program, platform) ?? `${target.address.host}:${target.address.port}`,
  }
}

/** The client's command line for this system's shell; undefined where no client is known. */
export function clientLine(
  target: ClientTarget,
  program: string | undefined,
  platform: NodeJS.Platform = process.platform,
): string | undefined {
  const client = databaseClient(target.dbProtocol)
  if (client === undefined || program === undefined) return undefined
  return commandLine([program, ...client.args(target, program)], shellOf(platform), client.variables?.(target))
}

/** Which program a printed line names: one that is there, else the one to install. */
export async function chooseProgram(dbProtocol: string, env: Readonly<Record<string, string | undefined>>): Promise<string | undefined> {
  const programs = databaseClient(dbProtocol)?.programs
  if (programs === undefined || programs.length === 1) return programs?.[0]
  return (await findFirstProgram(programs, env))?.name ?? programs.at(-1)
}

/** A line for a person to copy into this system's shell. */
export function shellLine(words: readonly string[]): string {
  return commandLine(words, shellOf(process.platform))
}
