import { z } from 'zod'
import { parseAddress } from '../../../shared/address.ts'

/**
 * `portico.yaml`, version v3, with Teleport's key names where Teleport has the setting; `portico:` holds what Teleport keeps elsewhere.
 * Unknown keys are errors, as with Teleport: a misspelled key must not be a silent default. wire/router-config.md 1
 */

/** YAML 1.1 words count too: Teleport's files say `yes` and `off`. */
const flag = z.union(
  [z.boolean(), z.enum(['yes', 'no', 'on', 'off']).transform(word => word === 'yes' || word === 'on')],
  'must be yes or no',
)

const address = (defaultPort: number) =>
  z.string().transform((text, context) => {
    const found = parseAddress(text, defaultPort) ?? (text.endsWith(':0') ? withPortZero(text) : undefined)
    if (found !== undefined) return found
    context.addIssue({ code: 'custom', message: `"${text}" is no host:port` })
    return z.NEVER
  })

/** `parseAddress` takes ports from 1; a listener may ask for any free one. */
function withPortZero(text: string): { host: string; port: number } | undefined {
  const found = parseAddress(`${text.slice(0, -1)}1`, 1)
  return found && { host: found.host, port: 0 }
}

const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Go's form: `12h`, `1h30m`; `d` besides. Milliseconds. */
export const duration = z.string().transform((text, context) => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length > 0 && parts.map(part => part[0]).join('') === text) {
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * DURATION_UNITS[unit!]!, 0)
  }
  context.addIssue({ code: 'custom', message: `"${text}" is no duration, such as 12h or 30m` })
  return z.NEVER
})

const text = z.string().min(1)
const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores only')
const list = z.array(text)
const labels = z.record(text, z.string())
const selectors = z.record(text, z.union([z.string().transform(one => [one]), list]))

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

const database = z.strictObject({
  name,
  description: z.string().default(''),
  protocol: z.enum(['postgres', 'cockroachdb'], 'must be postgres or cockroachdb'),
  uri: address(5432),
  static_labels: labels.default({}),
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

export const porticoYaml = z.strictObject({
  version: z.literal('v3', 'only version v3 is known'),
  teleport: z.strictObject({
    nodename: z
      .string()
      .regex(/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/, 'must be a host name')
      .optional(),
    data_dir: text,
  }),
  auth_service: z.strictObject({
    enabled: flag.default(true),
    cluster_name: name,
    proxy_listener_mode: z.literal('multiplex', 'only multiplex: everything goes through the one port').default('multiplex'),
    authentication: z
      .strictObject({
        type: z.literal('local', 'only local users are known').default('local'),
        second_factor: z
          .union([z.enum(['off', 'otp']), z.literal(false).transform(() => 'off' as const)], 'must be off or otp')
          .default('otp'),
      })
      .default({ type: 'local', second_factor: 'otp' }),
  }),
  proxy_service: z
    .strictObject({
      enabled: flag.default(true),
      web_listen_addr: address(3080).default({ host: '0.0.0.0', port: 3080 }),
      public_addr: z.union([text.transform(one => [one]), list]).default([]),
      https_keypairs: z
        .array(z.strictObject({ key_file: text, cert_file: text }))
        .max(1, 'one key pair only, for now')
        .default([]),
    })
    .default({ enabled: true, web_listen_addr: { host: '0.0.0.0', port: 3080 }, public_addr: [], https_keypairs: [] }),
  db_service: z
    .strictObject({
      enabled: flag.default(true),
      databases: z.array(database).default([]),
    })
    .default({ enabled: false, databases: [] }),
  portico: z
    .strictObject({
      roles: z.array(role).default([]),
      users: z.array(user).default([]),
    })
    .default({ roles: [], users: [] }),
})

export type PorticoYaml = z.output<typeof porticoYaml>
