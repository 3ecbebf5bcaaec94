import { z } from 'zod'
import { DATABASE_PROTOCOLS } from '../../../shared/protocols.ts'
import { trustedCluster } from './trusted-clusters.ts'
import { absentService, connectionLimits, joinKeys, proxyService } from './schema-proxy.ts'
import { address, duration, flag, list, name, oneOrMore, text, timerDuration, word } from './schema-values.ts'

/**
 * `portico.yaml`, versions v1, v2 and v3, with Teleport's key names where Teleport has the setting; `portico:` holds what Teleport keeps
 * elsewhere. Unknown keys are errors, as with Teleport: a misspelled key must not be a silent default. wire/router-config.md 1
 */

const labels = z.record(text, z.string())
const selectors = z.record(text, oneOrMore)

const conditions = z.strictObject({
  logins: list.default([]),
  db_users: list.default([]),
  db_names: list.default([]),
  db_labels: selectors.default({}),
})
const NOTHING = { logins: [], db_users: [], db_names: [], db_labels: {} }

const tls = z.strictObject({
  mode: z.enum(['verify-full', 'verify-ca', 'insecure']).default('verify-full'),
  ca_cert_file: text.optional(),
  server_name: text.optional(),
})

const PROTOCOLS = Object.keys(DATABASE_PROTOCOLS)

const database = z.strictObject({
  name,
  description: z.string().default(''),
  protocol: z.enum(PROTOCOLS, `must be one of ${PROTOCOLS.join(', ')}`),
  uri: text,
  static_labels: labels.default({}),
  mysql: z.strictObject({ server_version: text }).optional(),
  tls: tls.default({ mode: 'verify-full' }),
})

const role = z.strictObject({
  name,
  max_session_ttl: duration.default(12 * 3_600_000),
  allow: conditions.default(NOTHING),
  deny: conditions.default(NOTHING),
})

const user = z.strictObject({
  name: text,
  roles: z.array(name).min(1),
  logins: list.default([]),
  /** First line is the password. A file, so that this one can be shown and kept in a repository. */
  password_file: text,
  /** First line is the secret of the one-time codes, base32. */
  otp_secret_file: text.optional(),
})

/** `:3000` is on this machine only. */
const diagAddress = z
  .string()
  .transform(text => (text.startsWith(':') ? `127.0.0.1${text}` : text))
  .pipe(address(3000))

const teleport = z.strictObject({
  nodename: z
    .string()
    .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a host name')
    .optional(),
  data_dir: text,
  ...joinKeys,
  diag_addr: diagAddress.optional(),
  log: z
    .strictObject({
      output: text.default('stderr'),
      severity: word(['error', 'warn', 'warning', 'info', 'debug']).default('info'),
      format: z.strictObject({ output: z.literal('json', 'only json is written').optional(), extra_fields: list.optional() }).optional(),
    })
    .default({ output: 'stderr', severity: 'info' }),
  storage: z
    .strictObject({
      type: z.enum(['file', 'dir', 'postgresql'], 'must be file or postgresql').default('file'),
      path: text.optional(),
      conn_string: text.optional(),
      key_file: text.optional(),
    })
    .default({ type: 'file' }),
  connection_limits: connectionLimits.default({}),
})

const authentication = z.strictObject({
  type: z.literal('local', 'only local users are known').default('local'),
  second_factor: z.union([z.enum(['off', 'otp']), z.literal(false).transform(() => 'off' as const)], 'must be off or otp').default('otp'),
})

const authService = z.strictObject({
  enabled: flag.default(true),
  cluster_name: name.optional(),
  listen_addr: address(3025).optional(),
  proxy_listener_mode: word(['separate', 'multiplex']).default('separate'),
  tokens: list.default([]),
  authentication: authentication.default({ type: 'local', second_factor: 'otp' }),
})

const dbService = z.strictObject({ enabled: flag.default(true), databases: z.array(database).default([]) })

const portico = z.strictObject({
  roles: z.array(role).default([]),
  users: z.array(user).default([]),
  trusted_clusters: z.array(trustedCluster).default([]),
  ca_file: text.optional(),
  connection_log: z.enum(['info', 'debug'], 'must be info or debug').default('debug'),
  drain_timeout: timerDuration.default(5_000),
})

export const porticoYaml = z.strictObject({
  version: z.enum(['v1', 'v2', 'v3'], 'must be v1, v2 or v3').default('v1'),
  teleport,
  auth_service: authService.prefault({}),
  proxy_service: proxyService.prefault({}),
  db_service: dbService.prefault({ enabled: false }),
  ssh_service: absentService,
  kubernetes_service: absentService,
  app_service: absentService,
  windows_desktop_service: absentService,
  discovery_service: absentService,
  portico: portico.prefault({}),
})

export type PorticoYaml = z.output<typeof porticoYaml>
