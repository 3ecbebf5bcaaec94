import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { splitPem } from '../../wire/pem.ts'
import { databaseUri, type DatabaseResource } from '../database/database-resource.ts'
import { authConfig } from './auth-config.ts'
import type { StorageConfig } from '../storage/open-storage.ts'
import type { ClusterConfig, OperationsConfig } from './cluster-config.ts'
import { Problems, readConfigSource, type ConfigSource } from './config-source.ts'
import { joinConfig } from './join-config.ts'
import { nearestKey } from './nearest-key.ts'
import { proxyConfig } from './proxy-config.ts'
import { porticoYaml, type PorticoYaml } from './schema.ts'

type From = (path: string) => string

/** The schema for editors, which the assets hold a copy of. */
export function configJsonSchema(): object {
  return z.toJSONSchema(porticoYaml, { io: 'input', unrepresentable: 'any' })
}

/** What the schema has against a document. */
function tellIssues(problems: Problems, source: ConfigSource, issues: readonly z.core.$ZodIssue[]): void {
  for (const issue of issues) {
    const { path } = issue
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const near = nearestKey(configJsonSchema(), path, key)
        problems.add([...path, key], near === undefined ? 'unknown key' : `unknown key; did you mean ${near}?`)
      }
    } else if (issue.code === 'invalid_type' && source.document.getIn(path as (string | number)[]) === undefined)
      problems.add(path, 'is missing')
    else problems.add(path, issue.message)
  }
}

/** Which services run here; Portico's auth and proxy are one process, agents are another. */
function checkServices(yaml: PorticoYaml, problems: Problems): void {
  for (const service of ['ssh_service', 'kubernetes_service', 'app_service', 'windows_desktop_service', 'discovery_service'] as const) {
    if (yaml[service]?.enabled === true)
      problems.add([service, 'enabled'], 'not served by this version: take the section out or say enabled: no')
  }
  const [auth, proxy] = [yaml.auth_service.enabled, yaml.proxy_service.enabled]
  if (auth !== proxy) {
    const off = auth ? 'proxy_service' : 'auth_service'
    problems.add([off, 'enabled'], 'auth_service and proxy_service run in one process: both on, or both off')
  }
  if (!auth && !proxy && !yaml.db_service.enabled) problems.add(['db_service'], 'nothing is to run: an agent needs a db_service')
}

/** Names that occur twice, and users whose roles nobody defines. */
function checkNames(yaml: PorticoYaml, problems: Problems): void {
  const lists = [
    [['db_service', 'databases'], yaml.db_service.databases],
    [['portico', 'roles'], yaml.portico.roles],
    [['portico', 'users'], yaml.portico.users],
  ] as const
  for (const [path, items] of lists) {
    const seen = new Set<string>()
    items.forEach(({ name }, index) => {
      if (seen.has(name)) problems.add([...path, index, 'name'], `"${name}" is there twice`)
      seen.add(name)
    })
  }
  const known = new Set(yaml.portico.roles.map(role => role.name))
  yaml.portico.users.forEach((user, index) => {
    const unknown = user.roles.findIndex(role => !known.has(role))
    if (unknown >= 0) problems.add(['portico', 'users', index, 'roles', unknown], `there is no role "${user.roles[unknown]}"`)
    if (yaml.auth_service.authentication.second_factor === 'otp' && user.otp_secret_file === undefined)
      problems.add(['portico', 'users', index], 'otp_secret_file is needed with second_factor: otp')
  })
}

function databases({ db_service: db }: PorticoYaml, from: From, problems: Problems): readonly DatabaseResource[] {
  if (!db.enabled) return []
  const readCa = (name: string | undefined, index: number): string | undefined => {
    if (name === undefined) return undefined
    try {
      return readFileSync(from(name), 'utf8')
    } catch {
      problems.add(['db_service', 'databases', index, 'tls', 'ca_cert_file'], `${from(name)} cannot be read`)
      return undefined
    }
  }
  const readUri = (protocol: string, uri: string, index: number): string => {
    const found = databaseUri(protocol, uri)
    if (found === undefined) problems.add(['db_service', 'databases', index, 'uri'], `"${uri}" is no host:port`)
    return found ?? uri
  }
  return db.databases.map(({ name, description, protocol, uri, static_labels: labels, mysql, tls }, index) => ({
    name,
    description,
    dbProtocol: protocol,
    uri: readUri(protocol, uri, index),
    labels,
    ...(mysql === undefined ? {} : { mysqlVersion: mysql.server_version }),
    tls: { mode: tls.mode, caCert: readCa(tls.ca_cert_file, index), serverName: tls.server_name },
  }))
}

/** What web certificates of other clusters' proxies are verified with, besides the public roots. */
function extraRoots({ portico: { ca_file: file } }: PorticoYaml, from: From, problems: Problems): readonly string[] {
  if (file === undefined) return []
  try {
    const found = splitPem(readFileSync(from(file), 'utf8'), 'CERTIFICATE')
    if (found.length === 0) problems.add(['portico', 'ca_file'], `${from(file)} holds no certificate`)
    return found
  } catch {
    problems.add(['portico', 'ca_file'], `${from(file)} cannot be read`)
    return []
  }
}

function storageConfig({ teleport }: PorticoYaml, from: From, problems: Problems): StorageConfig {
  const { type, path, conn_string: connString, key_file: keyFile } = teleport.storage
  if (type !== 'postgresql') {
    for (const key of ['conn_string', 'key_file'] as const)
      if (teleport.storage[key] !== undefined) problems.add(['teleport', 'storage', key], 'only with type: postgresql')
    return { type: 'file', folder: path === undefined ? join(from(teleport.data_dir), 'storage') : from(path) }
  }
  if (connString === undefined) problems.add(['teleport', 'storage', 'conn_string'], 'is missing')
  return {
    type: 'postgresql',
    connString: connString ?? '',
    keyFile: keyFile === undefined ? join(from(teleport.data_dir), 'storage.key') : from(keyFile),
  }
}

function operations({ teleport, portico }: PorticoYaml, from: From): OperationsConfig {
  const { output, severity } = teleport.log
  return {
    diag: teleport.diag_addr,
    log: { severity: severity === 'warning' ? 'warn' : severity, file: output === 'stderr' ? undefined : from(output) },
    connectionLog: portico.connection_log,
    drainMs: portico.drain_timeout,
    maxConnections: teleport.connection_limits.max_connections,
    maxPerAddress: teleport.connection_limits.max_per_address,
  }
}

/**
 * Reads and checks `portico.yaml`. Relative paths count from its folder.
 * @throws PorticoError `cluster/config` with file, line, key and why of the first problem, and `problems`, the text of each
 */
export function loadConfig(path: string): ClusterConfig {
  const file = resolve(path)
  const source = readConfigSource(file)
  const problems = new Problems(source)
  const parsed = porticoYaml.safeParse(source.value)
  if (!parsed.success) tellIssues(problems, source, parsed.error.issues)
  problems.throwIfAny()
  const yaml = parsed.data!
  const from: From = name => resolve(dirname(file), name)
  const isCluster = yaml.auth_service.enabled || yaml.proxy_service.enabled
  checkServices(yaml, problems)
  checkNames(yaml, problems)
  const config: ClusterConfig = {
    file,
    version: yaml.version,
    nodename: yaml.teleport.nodename ?? hostname(),
    dataDir: from(yaml.teleport.data_dir),
    storage: storageConfig(yaml, from, problems),
    auth: isCluster ? authConfig(yaml, from, problems) : undefined,
    proxy: isCluster ? proxyConfig(yaml.proxy_service, yaml.version, from, problems) : undefined,
    join: joinConfig(yaml, isCluster, from, problems),
    databases: databases(yaml, from, problems),
    extraRoots: extraRoots(yaml, from, problems),
    operations: operations(yaml, from),
  }
  problems.throwIfAny()
  return config
}
