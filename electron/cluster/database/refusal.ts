import type { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import { errorResponse } from '../../wire/postgres.ts'
import { closeGently } from '../router/close-gently.ts'

/** The words of a refusal, as Teleport sends them to database clients. [captured] wire/database.md 4.4 */
export const DENIED = 'access to db denied. User does not have permissions. Confirm database user and name.'
export const MFA_NEEDED = 'access to resource requires MFA'
export const NO_AGENT = 'failed to connect to any of the database servers'
export const OTHER_ADDRESS = "pinned IP doesn't match observed client IP"
export const BAD_CERTIFICATE = 'access denied: invalid client certificate'

export const clusterNotFound = (cluster: string): string => `cluster "${cluster}" is not found`
export const databaseNotFound = (name: string, cluster: string): string =>
  `database "${name}" not found among registered databases in cluster "${cluster}"`

/** Ends a database connection with a reason for its client. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  /** A real server's own words, in its protocol. Portico's have no code, severity or detail. */
  readonly packet: Buffer | undefined

  constructor(message: string, cause?: unknown, packet?: Buffer) {
    super(message, { cause })
    this.packet = packet
  }
}

/** What the auth service refuses is told in its words; what is our own fault is not. */
export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof Refusal) return thrown
  const told = thrown instanceof PorticoError && (thrown.code === 'access/denied' || thrown.code === 'resource/not-found')
  const why = told ? thrown.facts['why'] : undefined
  return new Refusal(typeof why === 'string' ? why : 'internal error', thrown)
}

/** Sends a refusal in Postgres' own form and closes. */
export async function refusePostgres(stream: Duplex, refusal: Refusal): Promise<void> {
  if (stream.writable) stream.write(refusal.packet ?? errorResponse({ message: refusal.message }))
  await closeGently(stream)
}
