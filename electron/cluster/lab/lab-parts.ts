import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { Account } from './account.ts'
import type { LabDatabase } from './lab-databases.ts'
import type { LabPart, PartOptions } from './lab-part.ts'
import type { LabServer } from './lab-server.ts'
import { mariadb } from './mariadb-server.ts'
import { besidePostgres } from './postgres-folder.ts'
import { redis } from './redis-server.ts'
import type { ServerCertificate } from './server-files.ts'

/** The servers that this system has besides the lab's own PostgreSQL. @param path as PATH; default: that */
export const partsHere = (path?: string): readonly LabPart[] =>
  [mariadb(path), redis(path)].filter(({ programs }) => programs.every(program => program !== undefined))

interface OpenPartsOptions {
  readonly parts: readonly LabPart[]
  /** One a part. */
  readonly ports: readonly number[]
  readonly account: Account | undefined
  /** PostgreSQL's. */
  readonly folder: string
  readonly log: Log
  readonly onProgress: (step: string) => void
  readonly signal: AbortSignal | undefined
}

export interface LabParts {
  readonly databases: readonly LabDatabase[]
  /** Resolves when all data are made. */
  readonly seeded: Promise<void>
  /** All at once. @returns those that run */
  start(certificate: ServerCertificate): Promise<readonly LabServer[]>
}

/**
 * Begins to make their data. One that fails is told about and left: whoever connects hears that it is not there, and the lab
 * itself goes on.
 */
export function openParts({ parts, ports, account, folder, log, onProgress, signal }: OpenPartsOptions): LabParts {
  const failed = (title: string) => (thrown: unknown) => {
    if (signal?.aborted === true) return undefined
    log.warn('lab.part-failed', { title }, thrown)
    const why = thrown instanceof PorticoError ? thrown.facts['why'] : undefined
    onProgress(`${title} does not start; the lab goes on without it${typeof why === 'string' ? ` (${why})` : ''}`)
    return undefined
  }
  const begun = parts.map((part, index) => {
    const options: PartOptions = { account, folder: besidePostgres(folder, account, part.name), port: ports[index]!, log, signal }
    const seeded = part.seed(options).then(() => true as const, failed(part.title))
    return { part, options, seeded }
  })
  return {
    databases: begun.map(({ part, options }) => ({ ...part.database, uri: `127.0.0.1:${options.port}` })),
    seeded: Promise.all(begun.map(({ seeded }) => seeded)).then(() => {}),
    async start(certificate) {
      const started = begun.map(async ({ part, options, seeded }) =>
        (await seeded) === true ? part.start(options, certificate).catch(failed(part.title)) : undefined,
      )
      return (await Promise.all(started)).filter(server => server !== undefined)
    },
  }
}
