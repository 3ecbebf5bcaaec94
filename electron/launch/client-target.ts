import { formatAddress, type Address } from '../../shared/address.ts'

/** Files of a client that brings the certificate itself. */
export interface ClientTls {
  /** What it verifies the other side with; undefined = the system's own roots. */
  readonly ca: string | undefined
  readonly cert: string
  readonly key: string
  /** Certificate and key in one file, for clients that take no other form. */
  readonly pair: string
}

/** What a database's own client needs to be told. */
export interface ClientTarget {
  readonly dbProtocol: string
  readonly address: Address
  readonly databaseUser: string
  readonly databaseName: string
  /** Set when the client itself brings the certificate: passthrough, or straight to the proxy. */
  readonly tls?: ClientTls | undefined
}

type Variables = Readonly<Record<string, string>>

/** What a client is started with. An undefined variable is taken out of the environment. */
export interface ClientStart {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string | undefined>>
}

/** How one client is told where a database is. Each is one entry of `database-client.ts`. */
export interface DatabaseClient {
  /** The first that is on PATH is used. */
  readonly programs: readonly [string, ...string[]]
  /** The packages that bring it. */
  readonly install: { readonly linux: string; readonly darwin: string; readonly win32: string }
  args(target: ClientTarget, program: string): readonly string[]
  /** Variables that the command line needs besides: printed before it. */
  readonly variables?: (target: ClientTarget) => Variables
  /** With what the user adds, where that is more than further words. */
  readonly start?: (target: ClientTarget, program: string, rest: readonly string[]) => ClientStart
  /** Variables that alone lead this protocol's clients there; undefined where they read none. */
  readonly environment?: (target: ClientTarget) => Variables
}

export const encode = encodeURIComponent
export const hostPort = ({ address }: ClientTarget): string => formatAddress(address)

/** `flag value`, or nothing for an empty value. */
export const option = (flag: string, value: string): readonly string[] => (value === '' ? [] : [flag, value])

/** `name=value` pairs of a URL, without those that have no value. */
export function query(values: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(values).flatMap(([name, value]) => (value === undefined || value === '' ? [] : [`${name}=${encode(value)}`]))
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}
