/** A database that the lab announces, and the logical database it leads to. bob sees what is labelled env=dev. */
export interface LabDatabase {
  readonly name: string
  readonly protocol: string
  /** host:port, or for MongoDB its URI */
  readonly uri: string
  /** The logical database it is about; undefined where the protocol has none to choose. */
  readonly databaseName: string | undefined
  readonly description: string
  readonly labels: Readonly<Record<string, string>>
  /** How a server that is not the lab's own is verified. */
  readonly tls?: { readonly mode?: 'insecure'; readonly ca_cert_file?: string }
}

const POSTGRES = [
  {
    name: 'archive',
    databaseName: 'archive',
    description: 'Invoices and letters of earlier years',
    labels: { env: 'prod', team: 'finance' },
  },
  { name: 'metrics', databaseName: 'metrics', description: 'Readings of 24 hosts', labels: { env: 'dev', team: 'platform' } },
  { name: 'orders', databaseName: 'shop', description: 'Customers, products and 120 000 orders', labels: { env: 'prod', team: 'sales' } },
] as const

/** The three that every lab has, all in one server. */
export const postgresDatabases = (port: number): readonly LabDatabase[] =>
  POSTGRES.map(database => ({ ...database, protocol: 'postgres', uri: `127.0.0.1:${port}` }))

/**
 * A MongoDB that is already there. The options `tlsCAFile` and `tlsInsecure` of its URI say how it is verified.
 * @param uri mongodb://host[:port][,…]/[?options], or host:port
 */
export function mongoDatabase(uri: string): LabDatabase {
  const options = new URLSearchParams(uri.split('?')[1] ?? '')
  const caFile = options.get('tlsCAFile')
  return {
    name: 'catalog',
    protocol: 'mongodb',
    uri,
    databaseName: 'catalog',
    description: 'A MongoDB that was named at the start',
    labels: { env: 'prod', team: 'sales' },
    tls: {
      ...(options.get('tlsInsecure') === 'true' ? { mode: 'insecure' } : {}),
      ...(caFile === null ? {} : { ca_cert_file: caFile }),
    },
  }
}

/** The resource's labels as announced. */
export const announcedLabels = ({ labels, databaseName }: LabDatabase): Readonly<Record<string, string>> =>
  databaseName === undefined ? labels : { ...labels, 'portico/database': databaseName }

export const byName = (one: LabDatabase, other: LabDatabase): number => (one.name < other.name ? -1 : 1)
