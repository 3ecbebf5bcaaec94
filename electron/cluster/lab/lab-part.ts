import type { Log } from '../../log/log.ts'
import type { Account } from './account.ts'
import type { LabDatabase } from './lab-databases.ts'
import type { LabServer } from './lab-server.ts'
import type { ServerCertificate } from './server-files.ts'

export interface PartOptions {
  readonly account: Account | undefined
  /** For its data; made when missing. */
  readonly folder: string
  readonly port: number
  readonly log: Log
  readonly signal: AbortSignal | undefined
}

/** A server of the system that the lab takes along where there is one. */
export interface LabPart {
  readonly title: string
  /** Its folder below the lab's. */
  readonly name: string
  /** Without its address. */
  readonly database: Omit<LabDatabase, 'uri'>
  /** What has to be on PATH; undefined when it is not. */
  readonly programs: readonly (string | undefined)[]
  /** Makes its data unless that was done before. @throws PorticoError `lab/failed`, `app/cancelled` */
  seed(options: PartOptions): Promise<void>
  /** @throws PorticoError `lab/failed` */
  start(options: PartOptions, certificate: ServerCertificate): Promise<LabServer>
}
