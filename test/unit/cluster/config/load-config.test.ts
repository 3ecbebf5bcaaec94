import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { configJsonSchema, loadConfig } from '../../../../electron/cluster/config/load-config.ts'
import { labConfig } from '../../../../electron/cluster/lab/lab-config.ts'
import { postgresDatabases } from '../../../../electron/cluster/lab/lab-databases.ts'
import { folder, load, refused, SMALL } from './config-file.ts'

test("a small file gets Teleport's defaults", () => {
  expect(load(SMALL)).toMatchObject({
    version: 'v3',
    dataDir: join(folder, 'data'),
    storage: { type: 'file', folder: join(folder, 'data', 'storage') },
    auth: { clusterName: 'example', secondFactor: 'otp', listenerMode: 'separate', listen: undefined, tokens: [], users: [] },
    proxy: {
      web: { host: '0.0.0.0', port: 3080 },
      ports: {},
      keyPairs: [],
      keyPairsReloadMs: 0,
      proxyProtocol: { accepted: true, from: [] },
    },
    join: undefined,
    databases: [],
    operations: { diag: undefined, log: { severity: 'info', file: undefined }, connectionLog: 'debug', drainMs: 5_000 },
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
  expect(config.proxy?.web).toEqual({ host: '::1', port: 0 })
  expect(config.auth?.secondFactor).toBe('off')
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
  expect(config.auth?.roles[0]).toMatchObject({
    maxSessionTtlMs: 5_400_000,
    allow: { dbUsers: ['reader'], dbLabels: { env: ['dev'], team: ['a', 'b'] } },
  })
})

test.each([
  [
    'an unknown key',
    `${SMALL}  cluster_nam: x\n`,
    { line: 6, key: 'auth_service.cluster_nam', why: 'auth_service.cluster_nam: unknown key; did you mean cluster_name?' },
  ],
  [
    'a missing key',
    'version: v3\nteleport:\n  nodename: a\nauth_service:\n  cluster_name: b\n',
    { line: 2, key: 'teleport.data_dir', why: 'teleport.data_dir: is missing' },
  ],
  ['another version', SMALL.replace('v3', 'v4'), { line: 1, key: 'version', why: 'version: must be v1, v2 or v3' }],
  [
    'a listen address that is none',
    `${SMALL}proxy_service:\n  web_listen_addr: "nonsense:99999"\n`,
    { line: 7, key: 'proxy_service.web_listen_addr', why: 'proxy_service.web_listen_addr: "nonsense:99999" is no host:port' },
  ],
  ['broken YAML', 'version: v3\n  teleport: [\n', { key: undefined }],
  [
    'a role nobody defines',
    `${SMALL}portico:\n  users:\n  - name: eve\n    roles: [nosuch]\n    password_file: p\n    otp_secret_file: o\n`,
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
      databases: postgresDatabases(5),
      users,
    }),
  )
  expect(config).toMatchObject({
    dataDir: '/home/a b/ä',
    auth: { clusterName: 'lab', secondFactor: 'off', listenerMode: 'multiplex' },
    proxy: { web: { port: 0 } },
  })
  expect(config.auth?.roles.map(role => role.maxSessionTtlMs)).toEqual([90_000, 90_000])
  expect(config.databases.map(({ name, labels }) => [name, labels['portico/database']])).toEqual([
    ['archive', 'archive'],
    ['metrics', 'metrics'],
    ['orders', 'shop'],
  ])
})

test('the JSON schema for editors is that of the loader', () => {
  const file = new URL('../../../../assets/portico-config.schema.json', import.meta.url)
  const schema = JSON.stringify(configJsonSchema(), null, 2)
  if (process.env['UPDATE_SCHEMA'] !== undefined) writeFileSync(file, `${schema}\n`)
  expect(readFileSync(file, 'utf8')).toBe(`${schema}\n`)
})

test('the example is one that the loader takes, without and with what it leaves out', () => {
  const example = readFileSync(new URL('../../../../assets/portico.example.yaml', import.meta.url), 'utf8')
  expect(load(example)).toMatchObject({
    auth: { clusterName: 'example', listenerMode: 'multiplex', tokens: [{ roles: ['db'], secret: { file: '/etc/portico/agent-token' } }] },
    proxy: { web: { port: 443 }, ports: {}, proxyProtocol: { accepted: false } },
    operations: { diag: { host: '127.0.0.1', port: 3000 }, drainMs: 30_000, connectionLog: 'info' },
  })
  const whole = example.replace(/^( *)# (storage:|proxy_protocol_from:|postgres_listen|mysql_listen|tunnel_listen)/gm, '$1$2')
  expect(load(whole)).toMatchObject({
    storage: { type: 'postgresql', keyFile: '/var/lib/portico/storage.key' },
    proxy: {
      ports: { postgres: { named: true }, mysql: { named: true }, tunnel: { named: true } },
      proxyProtocol: { from: ['10.0.0.0/8'] },
    },
  })
})
