import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { isNode, LineCounter, parseDocument, type Document } from 'yaml'
import type { z } from 'zod'
import { formatAddress, parseAddress } from '../../../shared/address.ts'
import { PorticoError } from '../../../shared/errors.ts'
import type { Role } from '../auth/auth.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { porticoYaml, type PorticoYaml } from './schema.ts'

/** A configuration is written by hand: what is longer is something else. */
const LIMIT = 1_048_576

type Key = string | number

interface Source {
  readonly file: string
  readonly document: Document
  readonly lines: LineCounter
}

/** `db_service.databases[1].uri` */
function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  )
}

function wrong({ file, document, lines }: Source, path: readonly PropertyKey[], why: string): PorticoError {
  let line = 1
  // The value itself, else the nearest thing around it that is there.
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length) as Key[], true)
    if (!isNode(node) || node.range === undefined || node.range === null) continue
    line = lines.linePos(node.range[0]).line
    break
  }
  const key = formatPath(path)
  return new PorticoError('cluster/config', { file, line, key, why: `${file}:${line}: ${key === '' ? '' : `${key}: `}${why}` })
}

function keyLine(source: Source, path: readonly PropertyKey[], key: string): PorticoError {
  return wrong(source, [...path, key], 'unknown key')
}

/** The deepest issue: for a union, what is wrong with the member that came nearest says more than "invalid input". */
function refuse(source: Source, error: z.ZodError): PorticoError {
  const issue = error.issues[0]!
  if (issue.code === 'unrecognized_keys') return keyLine(source, issue.path, issue.keys[0]!)
  if (issue.code === 'invalid_type' && source.document.getIn(issue.path as Key[]) === undefined)
    return wrong(source, issue.path, 'is missing')
  return wrong(source, issue.path, issue.message)
}

function readSource(file: string): Source {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'cannot be read'
    throw new PorticoError('cluster/config', { file, why: `${file}: ${code === 'ENOENT' ? 'no such file' : code}` }, thrown)
  }
  if (text.length > LIMIT) throw new PorticoError('cluster/config', { file, why: `${file}: too long` })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const source = { file, document, lines }
  const broken = document.errors[0]
  if (broken === undefined) return source
  const { line } = lines.linePos(broken.pos[0])
  throw new PorticoError('cluster/config', { file, line, why: `${file}:${line}: ${broken.message}` })
}

function roleOf(role: PorticoYaml['portico']['roles'][number]): Role {
  const conditions = (from: typeof role.allow): Role['allow'] => ({
    logins: from.logins,
    dbUsers: from.db_users,
    dbNames: from.db_names,
    dbLabels: from.db_labels,
  })
  return { name: role.name, maxSessionTtlMs: role.max_session_ttl, allow: conditions(role.allow), deny: conditions(role.deny) }
}

/** Names that occur twice, and users whose roles nobody defines. */
function checkNames(source: Source, yaml: PorticoYaml): void {
  for (const path of [
    ['db_service', 'databases'],
    ['portico', 'roles'],
    ['portico', 'users'],
  ] as const) {
    const items = path[0] === 'db_service' ? yaml.db_service.databases : yaml.portico[path[1]]
    const seen = new Set<string>()
    items.forEach(({ name }, index) => {
      if (seen.has(name)) throw wrong(source, [...path, index, 'name'], `"${name}" is there twice`)
      seen.add(name)
    })
  }
  const known = new Set(yaml.portico.roles.map(role => role.name))
  yaml.portico.users.forEach((user, index) => {
    const unknown = user.roles.findIndex(role => !known.has(role))
    if (unknown >= 0) throw wrong(source, ['portico', 'users', index, 'roles', unknown], `there is no role "${user.roles[unknown]}"`)
    if (yaml.auth_service.authentication.second_factor === 'otp' && user.otp_secret_file === undefined) {
      throw wrong(source, ['portico', 'users', index], 'otp_secret_file is needed with second_factor: otp')
    }
  })
}

/**
 * Reads and checks `portico.yaml`. Relative paths count from its folder.
 * @throws PorticoError `cluster/config` with file, line, key and why
 */
export function loadConfig(path: string): ClusterConfig {
  const file = resolve(path)
  const source = readSource(file)
  const parsed = porticoYaml.safeParse(source.document.toJS() ?? {})
  if (!parsed.success) throw refuse(source, parsed.error)
  const yaml = parsed.data
  const { auth_service: auth, proxy_service: proxy, db_service: db } = yaml
  // One process is the whole cluster for now; a proxy or agent of another cluster comes with the reverse tunnel.
  if (!auth.enabled) throw wrong(source, ['auth_service', 'enabled'], 'must be on: this process is the whole cluster')
  if (!proxy.enabled) throw wrong(source, ['proxy_service', 'enabled'], 'must be on: this process is the whole cluster')
  checkNames(source, yaml)
  const from = (name: string): string => resolve(dirname(file), name)

  const readCa = (name: string, index: number): string => {
    try {
      return readFileSync(from(name), 'utf8')
    } catch {
      throw wrong(source, ['db_service', 'databases', index, 'tls', 'ca_cert_file'], `${from(name)} cannot be read`)
    }
  }
  proxy.public_addr.forEach((name, index) => {
    if (parseAddress(name, 443) === undefined) throw wrong(source, ['proxy_service', 'public_addr', index], `"${name}" is no host:port`)
  })
  const [pair] = proxy.https_keypairs
  return {
    clusterName: auth.cluster_name,
    nodename: yaml.teleport.nodename ?? hostname(),
    dataDir: from(yaml.teleport.data_dir),
    secondFactor: auth.authentication.second_factor,
    listen: proxy.web_listen_addr,
    publicNames: proxy.public_addr,
    webKeyPair: pair && { keyFile: from(pair.key_file), certFile: from(pair.cert_file) },
    databases: !db.enabled
      ? []
      : db.databases.map((database, index) => ({
          name: database.name,
          description: database.description,
          dbProtocol: database.protocol,
          uri: formatAddress(database.uri),
          labels: database.static_labels,
          tls: {
            mode: database.tls.mode,
            caCert: database.tls.ca_cert_file === undefined ? undefined : readCa(database.tls.ca_cert_file, index),
            serverName: database.tls.server_name,
          },
        })),
    roles: yaml.portico.roles.map(roleOf),
    users: yaml.portico.users.map(user => ({
      name: user.name,
      roles: user.roles,
      logins: user.logins,
      passwordFile: from(user.password_file),
      otpSecretFile: user.otp_secret_file === undefined ? undefined : from(user.otp_secret_file),
    })),
  }
}
