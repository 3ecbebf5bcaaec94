import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { z } from 'zod'
import { loadConfig } from '../../../../electron/cluster/config/load-config.ts'
import { porticoYaml } from '../../../../electron/cluster/config/schema.ts'
import { labConfig } from '../../../../electron/cluster/lab/lab-config.ts'
import { PorticoError } from '../../../../shared/errors.ts'

const folder = mkdtempSync(join(tmpdir(), 'portico-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function load(yaml: string): ReturnType<typeof loadConfig> {
  const file = join(folder, 'portico.yaml')
  writeFileSync(file, yaml)
  return loadConfig(file)
}

function refused(yaml: string): Record<string, unknown> {
  try {
    load(yaml)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(PorticoError)
    const { code, facts } = thrown as PorticoError
    return { code, line: facts['line'], key: facts['key'], why: String(facts['why']).replace(/^.*portico\.yaml:\d+: /, '') }
  }
  throw new Error('was taken')
}

const SMALL = `version: v3
teleport:
  data_dir: data
auth_service:
  cluster_name: example
`

test("a small file gets Teleport's defaults", () => {
  expect(load(SMALL)).toMatchObject({
    clusterName: 'example',
    secondFactor: 'otp',
    listen: { host: '0.0.0.0', port: 3080 },
    publicNames: [],
    webKeyPair: undefined,
    databases: [],
    users: [],
    dataDir: join(folder, 'data'),
  })
})

test("Teleport's words for true and false are understood", () => {
  const config = load(`${SMALL}  enabled: yes
  authentication:
    second_factor: off
proxy_service:
  enabled: "yes"
  web_listen_addr: "[::1]:0"
  public_addr: proxy.example:443
db_service:
  enabled: yes
  databases:
  - name: orders
    protocol: postgres
    uri: db.example:5433
    static_labels: {env: dev}
    tls: {mode: verify-ca}
portico:
  roles:
  - name: dev
    max_session_ttl: 1h30m
    allow: {db_users: [reader], db_labels: {env: dev, team: [a, b]}}
`)
  expect(config.listen).toEqual({ host: '::1', port: 0 })
  expect(config.secondFactor).toBe('off')
  expect(config.databases).toEqual([
    {
      name: 'orders',
      description: '',
      dbProtocol: 'postgres',
      uri: 'db.example:5433',
      labels: { env: 'dev' },
      tls: { mode: 'verify-ca', caCert: undefined, serverName: undefined },
    },
  ])
  expect(config.roles[0]).toMatchObject({
    maxSessionTtlMs: 5_400_000,
    allow: { dbUsers: ['reader'], dbLabels: { env: ['dev'], team: ['a', 'b'] } },
  })
})

test.each([
  [
    'an unknown key',
    `${SMALL}  cluster_nam: x\n`,
    { line: 6, key: 'auth_service.cluster_nam', why: 'auth_service.cluster_nam: unknown key' },
  ],
  [
    'a missing key',
    'version: v3\nteleport:\n  nodename: a\nauth_service:\n  cluster_name: b\n',
    { line: 3, key: 'teleport.data_dir', why: 'teleport.data_dir: is missing' },
  ],
  ['another version', SMALL.replace('v3', 'v2'), { line: 1, key: 'version', why: 'version: only version v3 is known' }],
  [
    'a listen address that is none',
    `${SMALL}proxy_service:\n  web_listen_addr: "nonsense:99999"\n`,
    { line: 7, key: 'proxy_service.web_listen_addr', why: 'proxy_service.web_listen_addr: "nonsense:99999" is no host:port' },
  ],
  ['broken YAML', 'version: v3\n  teleport: [\n', { key: undefined }],
  [
    'a role nobody defines',
    `${SMALL}portico:\n  users:\n  - name: eve\n    roles: [nosuch]\n    password_file: p\n`,
    { line: 9, key: 'portico.users[0].roles[0]', why: 'portico.users[0].roles[0]: there is no role "nosuch"' },
  ],
  [
    'a database that is there twice',
    `${SMALL}db_service:\n  databases:\n  - {name: a, protocol: postgres, uri: "h:1"}\n  - {name: a, protocol: postgres, uri: "h:1"}\n`,
    { line: 9, key: 'db_service.databases[1].name' },
  ],
  [
    'a protocol without a service here',
    `${SMALL}db_service:\n  databases:\n  - {name: a, protocol: dbase, uri: "h:1"}\n`,
    { line: 8, key: 'db_service.databases[0].protocol' },
  ],
])('%s is refused with its place', (_what, yaml, wanted) => {
  expect(refused(yaml)).toMatchObject({ code: 'cluster/config', ...wanted })
})

test('a file that is not there is named', () => {
  expect(() => loadConfig(join(folder, 'nosuch.yaml'))).toThrow(/nosuch\.yaml: no such file/)
})

test("the lab's own file is one that the loader takes", () => {
  const users = [{ name: 'alice', roles: ['owner'], logins: [], password: '', otpSecret: '', passwordFile: '/a b/ä', otpSecretFile: '/o' }]
  const config = load(
    labConfig({
      listen: { host: '127.0.0.1', port: 0 },
      dataDir: '/home/a b/ä',
      secondFactor: 'off',
      certTtlMs: 90_000,
      postgresPort: 5,
      users,
    }),
  )
  expect(config).toMatchObject({ clusterName: 'lab', dataDir: '/home/a b/ä', secondFactor: 'off', listen: { port: 0 } })
  expect(config.roles.map(role => role.maxSessionTtlMs)).toEqual([90_000, 90_000])
  expect(config.databases.map(({ name, labels }) => [name, labels['portico/database']])).toEqual([
    ['archive', 'archive'],
    ['metrics', 'metrics'],
    ['orders', 'shop'],
  ])
})

test('the JSON schema for editors is that of the loader', () => {
  const file = new URL('../../../../assets/portico-config.schema.json', import.meta.url)
  const schema = JSON.stringify(z.toJSONSchema(porticoYaml, { io: 'input', unrepresentable: 'any' }), null, 2)
  if (process.env['UPDATE_SCHEMA'] !== undefined) writeFileSync(file, `${schema}\n`)
  expect(readFileSync(file, 'utf8')).toBe(`${schema}\n`)
})
