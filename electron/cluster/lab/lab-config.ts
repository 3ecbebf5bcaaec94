import { stringify } from 'yaml'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { LAB_CLUSTER } from '../../../shared/lab.ts'
import type { SecondFactor } from '../auth/auth.ts'
import { announcedLabels, type LabDatabase } from './lab-databases.ts'
import type { LabTokens } from './lab-full.ts'
import type { LabUser } from './lab-users.ts'

interface LabConfigOptions {
  readonly listen: Address
  readonly dataDir: string
  readonly secondFactor: SecondFactor
  /** ms */
  readonly certTtlMs: number
  readonly databases: readonly LabDatabase[]
  readonly users: readonly LabUser[]
  /** Only of a full lab, whose second agent and leaf join with them. */
  readonly tokens?: LabTokens | undefined
}

/** The lab as a `portico.yaml`: it goes through the same loader as everybody's. */
export function labConfig({ listen, dataDir, secondFactor, certTtlMs, databases, users, tokens }: LabConfigOptions): string {
  const role = (name: string, allow: object): object => ({ name, max_session_ttl: `${certTtlMs}ms`, allow })
  const yaml = {
    version: 'v3',
    teleport: { nodename: 'lab', data_dir: dataDir },
    auth_service: {
      enabled: true,
      cluster_name: LAB_CLUSTER,
      proxy_listener_mode: 'multiplex',
      ...(tokens === undefined ? {} : { tokens: [`db:${tokens.agentFile}`, `trusted_cluster:${tokens.leafFile}`] }),
      authentication: { type: 'local', second_factor: secondFactor },
    },
    proxy_service: { enabled: true, web_listen_addr: formatAddress(listen), public_addr: 'localhost', proxy_protocol: 'off' },
    db_service: {
      enabled: true,
      databases: databases.map(database => ({
        name: database.name,
        description: database.description,
        protocol: database.protocol,
        uri: database.uri,
        static_labels: announcedLabels(database),
        ...(database.tls === undefined ? {} : { tls: database.tls }),
      })),
    },
    portico: {
      roles: [
        role('owner', { logins: ['{{internal.logins}}'], db_users: ['alice', 'reader'], db_names: ['*'], db_labels: { '*': '*' } }),
        role('developer', { db_users: ['reader'], db_names: ['*'], db_labels: { env: 'dev' } }),
      ],
      users: users.map(({ name, roles, logins, passwordFile, otpSecretFile }) => ({
        name,
        roles,
        logins,
        password_file: passwordFile,
        otp_secret_file: otpSecretFile,
      })),
    },
  }
  return `# Written by \`portico lab\` at each start.\n${stringify(yaml, { lineWidth: 0 })}`
}
