import { join } from 'node:path'
import { expect, test } from 'vitest'
import { nearestKey } from '../../../../electron/cluster/config/nearest-key.ts'
import { folder, load, refused, SMALL } from './config-file.ts'

test('several problems are told at once, in the order of their lines', () => {
  const found = refused(`${SMALL}  proxy_listener_mod: x
proxy_service:
  web_listen_adr: 1.1.1.1:1
  listen_addr: "nonsense:99999"
  https_keypairs_reload_interval: soon
nonsense: 1
`)
  expect(found.problems).toEqual([
    '6: auth_service.proxy_listener_mod: unknown key; did you mean proxy_listener_mode?',
    '8: proxy_service.web_listen_adr: unknown key; did you mean web_listen_addr?',
    '9: proxy_service.listen_addr: "nonsense:99999" is no host:port',
    '10: proxy_service.https_keypairs_reload_interval: must be a duration, such as 12h or 30m',
    '11: nonsense: unknown key',
  ])
  expect(found.why).toBe('auth_service.proxy_listener_mod: unknown key; did you mean proxy_listener_mode? (and 4 more)')
})

test('problems beyond the form are told at once too', () => {
  const found = refused(`${SMALL}ssh_service: {enabled: yes}
proxy_service:
  mysql_public_addr: a
  acme: {enabled: yes, email: a@b}
  https_key_file: key.pem
`)
  expect(found.problems).toEqual([
    '6: ssh_service.enabled: not served by this version: take the section out or say enabled: no',
    '8: proxy_service.mysql_public_addr: mysql_listen_addr must be set when mysql_public_addr is set',
    '9: proxy_service.acme.enabled: certificates by ACME; name https_keypairs: not served by this version',
    '10: proxy_service.https_key_file: https_key_file and https_cert_file belong together',
  ])
})

test('services that are off may stand in the file, with whatever keys', () => {
  expect(load(`${SMALL}ssh_service: {enabled: no, commands: []}\nkubernetes_service: {enabled: "off"}\n`).auth?.clusterName).toBe('example')
})

test('storage is a folder of files, or PostgreSQL with a key that this machine holds', () => {
  const storage = (text: string) => load(SMALL.replace('data_dir: data\n', `data_dir: data\n  storage: ${text}\n`)).storage
  expect(storage('{type: dir, path: state}')).toEqual({ type: 'file', folder: join(folder, 'state') })
  expect(storage('{type: postgresql, conn_string: "postgresql://h/d"}')).toEqual({
    type: 'postgresql',
    connString: 'postgresql://h/d',
    keyFile: join(folder, 'data', 'storage.key'),
  })
  const bad = (text: string) => refused(SMALL.replace('data_dir: data\n', `data_dir: data\n  storage: ${text}\n`))
  expect(bad('{type: postgresql}')).toMatchObject({ key: 'teleport.storage.conn_string', why: 'teleport.storage.conn_string: is missing' })
  expect(bad('{type: etcd}').why).toBe('teleport.storage.type: must be file or postgresql')
  expect(bad('{conn_string: x}').key).toBe('teleport.storage.conn_string')
})

test('operations: diagnosis on this machine unless a host is named, limits, log, drain', () => {
  const config = load(
    `${SMALL.replace('data_dir: data\n', 'data_dir: data\n  diag_addr: ":3000"\n  connection_limits: {max_connections: 10, max_per_address: 3}\n  log: {severity: WARN, output: x/y.log}\n')}portico: {connection_log: info, drain_timeout: 1m30s}\n`,
  )
  expect(config.operations).toEqual({
    diag: { host: '127.0.0.1', port: 3000 },
    log: { severity: 'warn', file: join(folder, 'x', 'y.log') },
    connectionLog: 'info',
    drainMs: 90_000,
    maxConnections: 10,
    maxPerAddress: 3,
  })
})

test('PROXY headers: on as Teleport, off, or from networks', () => {
  const proxy = (text: string) => load(`${SMALL}proxy_service:\n${text}`).proxy?.proxyProtocol
  expect(proxy('  enabled: yes\n')).toEqual({ accepted: true, from: [] })
  expect(proxy('  proxy_protocol: off\n')).toEqual({ accepted: false, from: [] })
  expect(proxy('  proxy_protocol: "on"\n  proxy_protocol_from: [10.0.0.0/8, "::1"]\n')).toEqual({
    accepted: true,
    from: ['10.0.0.0/8', '::1'],
  })
  for (const bad of ['10.0.0.0/33', 'localhost', '1.1.1.1/8/8'])
    expect(refused(`${SMALL}proxy_service:\n  proxy_protocol_from: ["${bad}"]\n`).key).toBe('proxy_service.proxy_protocol_from[0]')
})

test('join tokens of the file give roles, and no problem tells a secret', () => {
  const auth = load(`${SMALL}  tokens: ["db,Proxy:s3cret:x", "trusted_cluster:/etc/token"]\n`).auth
  expect(auth?.tokens).toEqual([
    { roles: ['db', 'proxy'], secret: { text: 's3cret:x' } },
    { roles: ['trusted_cluster'], secret: { file: '/etc/token' } },
  ])
  for (const bad of ['s3cret', 'db:', 'nosuch:s3cret']) {
    const found = refused(`${SMALL}  tokens: ["${bad}"]\n`)
    expect(found.key).toBe('auth_service.tokens[0]')
    expect(JSON.stringify(found)).not.toContain('s3cret')
  }
})

test('an unknown key gets the nearest one, and none when nothing is near', () => {
  const schema = {
    properties: { a: { properties: { public_addr: {}, web_listen_addr: {} } }, list: { items: { anyOf: [{ properties: { name: {} } }] } } },
  }
  expect(nearestKey(schema, ['a'], 'public-addr')).toBe('public_addr')
  expect(nearestKey(schema, ['a'], 'publicaddr')).toBe('public_addr')
  expect(nearestKey(schema, ['list', 3], 'nmae')).toBe('name')
  expect(nearestKey(schema, ['a'], 'something')).toBeUndefined()
  expect(nearestKey(schema, ['a'], 'x'.repeat(10_000))).toBeUndefined()
})

test.each([
  ['an empty file', '', /teleport: is missing/],
  ['a list', '- a\n', /expected object/],
  ['a number for an address', `${SMALL}proxy_service: {web_listen_addr: 3080}\n`, /^proxy_service\.web_listen_addr: .*expected string/],
  ['a list for a section', `${SMALL}proxy_service: []\n`, /^proxy_service: .*expected object/],
  [
    'a word for a number',
    SMALL.replace('data_dir: data', 'data_dir: data\n  connection_limits: {max_connections: many}'),
    /max_connections/,
  ],
  ['no limit at all', SMALL.replace('data_dir: data', 'data_dir: data\n  connection_limits: {max_connections: 0}'), /max_connections/],
  ['a time that no timer can wait', `${SMALL}portico: {drain_timeout: 1000h}\n`, /^portico\.drain_timeout: must be less than 24d/],
  ['an alias without an anchor', `${SMALL}portico: *nowhere\n`, /nowhere/],
  [
    'aliases that grow',
    `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c]\n`,
    /alias/i,
  ],
  ['a key that is there twice', `${SMALL}portico: {}\nportico: {}\n`, /unique/],
  ['two documents', `${SMALL}---\n${SMALL}`, /multiple documents/],
])('%s is refused, not believed', (_what, yaml, why) => {
  const found = refused(yaml)
  expect(found.code).toBe('cluster/config')
  expect(found.why).toMatch(why)
})
