import { formatAddress, parseAddress } from '../../../shared/address.ts'
import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import type { DatabaseServer } from '../auth/auth.ts'

type TlsMode = 'verify-full' | 'verify-ca' | 'insecure'

/** One entry of `db_service.databases`, as its agent serves it. wire/database.md 9.2 */
export interface DatabaseResource {
  readonly name: string
  readonly description: string
  readonly dbProtocol: string
  /** host:port; for MongoDB also a connection string, `mongodb://…`. */
  readonly uri: string
  readonly labels: Readonly<Record<string, string>>
  /** MySQL: what the greeting says instead of what the database itself does. */
  readonly mysqlVersion?: string | undefined
  readonly tls: {
    readonly mode: TlsMode
    /** PEM, beside the CAs that come with the client certificate. */
    readonly caCert: string | undefined
    /** Name to verify instead of the host of `uri`. */
    readonly serverName: string | undefined
  }
}

export interface AgentHost {
  readonly hostId: string
  /** In the host certificate as DNS name, and what the proxy verifies. */
  readonly hostname: string
}

/** @param version what the database said it is, where it has */
export function announcedServer(database: DatabaseResource, host: AgentHost, expires: number, version?: string): DatabaseServer {
  const { name, description, dbProtocol, uri, labels } = database
  const mysqlVersion = database.mysqlVersion ?? version
  return {
    ...{ name, description, dbProtocol, uri, labels, hostId: host.hostId, hostname: host.hostname, expires },
    ...(mysqlVersion === undefined ? {} : { mysqlVersion }),
  }
}

/**
 * Where a database is, as people write it: with or without a scheme and a port.
 * @returns undefined when that is no place
 */
export function databaseUri(dbProtocol: string, text: string): string | undefined {
  if (dbProtocol === 'mongodb' && /^mongodb(?:\+srv)?:\/\/[^/\s]/.test(text)) return text
  const address = parseAddress(text.replace(/^[a-z][a-z0-9+.-]*:\/\//i, ''), DATABASE_PROTOCOLS[dbProtocol]?.defaultPort ?? 0)
  return address && formatAddress(address)
}
