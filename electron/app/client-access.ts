import { homedir } from 'node:os'
import { parseAddress, type Address } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { DatabaseRoute } from '../client/client.ts'
import { clientSection, readsSections, type ClientSection } from '../launch/client-section.ts'
import type { ClientTarget } from '../launch/client-target.ts'
import { databaseClient, offersPassthrough } from '../launch/database-client.ts'
import { commandLine, environmentLines, shellOf } from '../launch/quote.ts'
import { readDatabaseLogin, writeDatabaseLogin } from '../state/database-login.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import { chooseProgram, clientLine } from './addresses.ts'
import type { AuthSessions } from './auth-sessions.ts'
import { databaseFolder, writeClientFiles, type ClientFiles } from './client-files.ts'
import { writeSection } from './client-profile.ts'
import type { Context } from './context.ts'
import { isAllowedUser } from './default-values.ts'
import { findDatabase, routeTo, type ChosenValues } from './find-database.ts'

/** What a client that brings the certificate itself is told. */
export interface ClientAccess {
  readonly cluster: string
  /** The proxy itself where the protocol allows, else the local port of the tunnel. */
  readonly address: Address
  readonly databaseUser: string
  readonly databaseName: string
  readonly files: ClientFiles
  /** What the client verifies the other side at `address` with. */
  readonly ca: string
  /** The tunnel that must run for it, as a command; undefined where the client goes to the proxy by itself. */
  readonly tunnel: string | undefined
  /** For clients that read variables; undefined where they read none. */
  readonly environment: Readonly<Record<string, string>> | undefined
  /** The tunnel that must run for `environment`. */
  readonly environmentTunnel: string | undefined
  /** `environment` for this system's shell. */
  readonly environmentLines: readonly string[]
  /** The client's command line for this system's shell; undefined where none is known. */
  readonly command: string | undefined
  /** What was written into a file of the user's, and the command that uses it. */
  readonly written: { readonly path: string; readonly section: string; readonly command: string } | undefined
}

export interface AccessWish extends ChosenValues {
  readonly cluster?: string | undefined
  /** Also a section of the client's own file. */
  readonly write?: boolean
}

const isPostgres = (dbProtocol: string): boolean => dbProtocol === 'postgres' || dbProtocol === 'cockroachdb'
/** These begin with TLS, so the proxy's port knows them by their certificate. wire/database.md 10.5 */
const BEGINS_WITH_TLS = ['mongodb', 'redis', 'elasticsearch', 'opensearch']

/**
 * Signs in to a database: writes certificate, key and CA files, and says how a client uses them.
 * @throws PorticoError `resource/*`, `usage/*`, `proxy/*`, `state/*`
 */
export async function openClientAccess(
  context: Context,
  sessions: AuthSessions,
  profile: StoredProfile,
  name: string,
  { cluster, write = false, ...chosen }: AccessWish,
  signal: AbortSignal,
): Promise<ClientAccess> {
  const database = await findDatabase(context, sessions, profile, name, cluster, signal)
  if (write && !readsSections(database.dbProtocol))
    throw new PorticoError('resource/unsupported', {
      protocol: `--write for "${name}"`,
      why: 'clients of this kind of database keep no such file',
      next: `portico db config ${name}`,
    })
  const kept = await readDatabaseLogin(databaseFolder(context, profile.proxy, database.cluster, name))
  const route = routeTo(context, profile, database, {
    databaseUser: chosen.databaseUser ?? (isAllowedUser(kept?.databaseUser, profile.databaseUsers) ? kept?.databaseUser : undefined),
    databaseName: chosen.databaseName ?? kept?.databaseName,
  })
  const program = await chooseProgram(route.dbProtocol, context.env)
  let target: ClientTarget | undefined
  let section: ClientSection | undefined
  const files = await writeClientFiles(context, sessions, profile, route, signal, async (written, login, folder) => {
    target = targetOf(profile, route, database.port, written)
    const { env } = context
    const found = clientSection(target, { cluster: route.cluster, name, program }, env, homedir(), process.platform)
    const isKept = found !== undefined && login.sections.some(one => one.path === found.path && one.section === found.section)
    // One that was asked for before stays in step with the certificate.
    if (found === undefined || (!write && !isKept)) return
    if (!isKept) await writeDatabaseLogin(folder, { ...login, sections: [...login.sections, { path: found.path, section: found.section }] })
    await writeSection(found)
    section = found
  })
  return shown(name, route, files, target!, section, program, database.port)
}

/** Where a client goes that brings its certificate. */
function targetOf(profile: StoredProfile, route: DatabaseRoute, port: number, files: ClientFiles): ClientTarget {
  const { dbProtocol, databaseUser, databaseName } = route
  const proxy = parseAddress(profile.proxy, 443)
  const local = { dbProtocol, databaseUser, databaseName, address: { host: 'localhost', port } }
  if (!offersPassthrough(dbProtocol)) return local
  if (proxy !== undefined && isPostgres(dbProtocol)) return { ...local, address: proxy, tls: files }
  // No client can be told to take one certificate and no other, as a pinned proxy wants it: the tunnel does.
  const isPinned = profile.webCertificate !== undefined || profile.trust.insecure
  if (proxy !== undefined && !isPinned && BEGINS_WITH_TLS.includes(dbProtocol))
    return { ...local, address: proxy, tls: { ...files, ca: files.webCa } }
  return { ...local, tls: files }
}

function shown(
  name: string,
  { cluster, dbProtocol, databaseUser, databaseName }: DatabaseRoute,
  files: ClientFiles,
  target: ClientTarget,
  section: ClientSection | undefined,
  program: string | undefined,
  port: number,
): ClientAccess {
  const isLocal = target.address.port === port && target.address.host === 'localhost'
  // Variables can name files to Postgres clients only: the others are led to the tunnel that adds the certificate.
  const plain = isPostgres(dbProtocol) ? target : { dbProtocol, databaseUser, databaseName, address: { host: 'localhost', port } }
  const bySection = isPostgres(dbProtocol) ? undefined : section?.environment
  const environment = bySection ?? databaseClient(dbProtocol)?.environment?.(plain)
  const tunnel = isLocal ? `portico proxy db ${name}${target.tls === undefined ? '' : ' --passthrough'}` : undefined
  const shell = shellOf(process.platform)
  return {
    cluster,
    address: target.address,
    databaseUser,
    databaseName,
    files,
    ca: target.tls?.ca ?? files.ca,
    tunnel,
    environment,
    environmentTunnel: isPostgres(dbProtocol) || bySection !== undefined ? tunnel : `portico proxy db ${name}`,
    environmentLines: environment === undefined ? [] : environmentLines(environment, shell),
    command: clientLine(target, program),
    written: section === undefined ? undefined : { path: section.path, section: section.section, command: commandLine(section.use, shell) },
  }
}
