import { describe, expect, test } from 'vitest'
import type { ClusterConfig } from '../../../../electron/cluster/config/cluster-config.ts'
import { load, refused } from './config-file.ts'

/** router-config.md 1.3 and 8.8: each version with each address absent and named. */
function yaml(version: string, proxy = '', teleport = ''): string {
  return `${version === '' ? '' : `version: ${version}\n`}teleport:
  data_dir: data
${teleport}auth_service:
  cluster_name: example
  authentication: {second_factor: off}
proxy_service:
  enabled: yes
${proxy}`
}

const shown = ({ proxy }: ClusterConfig): string[] =>
  Object.entries(proxy!.ports).map(([port, { address, named }]) => `${port} ${address.host}:${address.port}${named ? '' : ' by default'}`)

describe('listeners of their own', () => {
  test.each([
    ['', ['ssh 0.0.0.0:3023 by default', 'tunnel 0.0.0.0:3024 by default'], false],
    ['v1', ['ssh 0.0.0.0:3023 by default', 'tunnel 0.0.0.0:3024 by default'], false],
    ['v2', [], true],
    ['v3', [], true],
  ])('of version "%s" when nothing is named: %j; kube %s', (version, ports, kube) => {
    const config = load(yaml(version))
    expect(config.version).toBe(version === '' ? 'v1' : version)
    expect(config.proxy?.web).toEqual({ host: '0.0.0.0', port: 3080 })
    expect(shown(config)).toEqual(ports)
    expect(config.proxy?.kubeEnabled).toBe(kube)
  })

  test.each([
    ['listen_addr', 'ssh', 3023],
    ['tunnel_listen_addr', 'tunnel', 3024],
    ['kube_listen_addr', 'kube', 3026],
    ['mysql_listen_addr', 'mysql', 3036],
    ['postgres_listen_addr', 'postgres', 5432],
    ['mongo_listen_addr', 'mongo', 27017],
  ])('%s is opened in every version, with its usual port when none is said', (key, port, usual) => {
    for (const version of ['v1', 'v2', 'v3']) {
      const named = load(yaml(version, `  ${key}: 10.0.0.1:9999\n`)).proxy!.ports
      expect(named[port as 'ssh']).toEqual({ address: { host: '10.0.0.1', port: 9999 }, named: true })
      expect(shown(load(yaml(version, `  ${key}: 10.0.0.1\n`)))).toContain(`${port} 10.0.0.1:${usual}`)
    }
  })

  test('v1 listens for kube when kube is on', () => {
    const config = load(yaml('v1', '  kubernetes: {enabled: yes}\n'))
    expect(shown(config)).toContain('kube 0.0.0.0:3026 by default')
    expect(config.proxy?.kubeEnabled).toBe(true)
  })

  test('the old kube section names address and public address', () => {
    const config = load(yaml('v3', '  kubernetes: {enabled: yes, listen_addr: 10.0.0.1:1, public_addr: k.example}\n'))
    expect(shown(config)).toEqual(['kube 10.0.0.1:1'])
    expect(config.proxy?.publicAddresses.kube).toEqual([{ host: 'k.example', port: 3026 }])
  })

  test('the tunnel may stand on the web port, nothing else may share one', () => {
    expect(shown(load(yaml('v3', '  tunnel_listen_addr: 0.0.0.0:3080\n')))).toEqual(['tunnel 0.0.0.0:3080'])
    expect(refused(yaml('v3', '  listen_addr: 0.0.0.0:3080\n')).why).toBe(
      'proxy_service.listen_addr: 0.0.0.0:3080 is that of web_listen_addr already',
    )
    expect(refused(yaml('v3', '  listen_addr: 1.1.1.1:5\n  mongo_listen_addr: 1.1.1.1:5\n')).key).toBe('proxy_service.mongo_listen_addr')
  })
})

describe('public addresses', () => {
  test.each([
    ['public_addr', 'web', '', 3080],
    ['public_addr', 'web', '  web_listen_addr: 1.1.1.1:4\n', 4],
    ['ssh_public_addr', 'ssh', '', 3023],
    ['tunnel_public_addr', 'tunnel', '', 3024],
    ['kube_public_addr', 'kube', '  kube_listen_addr: 1.1.1.1:4\n', 3026],
    ['mysql_public_addr', 'mysql', '  mysql_listen_addr: 1.1.1.1:4\n', 3036],
    ['mongo_public_addr', 'mongo', '  mongo_listen_addr: 1.1.1.1:4\n', 27017],
    ['postgres_public_addr', 'postgres', '', 3080],
    ['postgres_public_addr', 'postgres', '  public_addr: p.example:443\n', 443],
    ['postgres_public_addr', 'postgres', '  public_addr: p.example:443\n  postgres_listen_addr: 1.1.1.1:4\n', 4],
  ])('%s without a port (%s) after %j gets %s', (key, service, more, port) => {
    const addresses = load(yaml('v3', `${more}  ${key}: [h.example, "h.example:7", "[::1]:8", "::1"]\n`)).proxy!.publicAddresses
    expect(addresses[service as 'web']).toEqual([
      { host: 'h.example', port },
      { host: 'h.example', port: 7 },
      { host: '::1', port: 8 },
      { host: '::1', port },
    ])
  })

  test.each([
    ['kube', ''],
    ['mysql', ''],
    ['mongo', ''],
    ['peer', ''],
  ])('%s_public_addr needs its listen address', name => {
    expect(refused(yaml('v3', `  ${name}_public_addr: h.example\n`))).toMatchObject({
      line: 9,
      key: `proxy_service.${name}_public_addr`,
      why: `proxy_service.${name}_public_addr: ${name}_listen_addr must be set when ${name}_public_addr is set`,
    })
  })

  test('both ways of naming kube are refused in Teleport’s words', () => {
    expect(refused(yaml('v3', '  kube_listen_addr: 1.1.1.1:4\n  kubernetes: {enabled: yes}\n')).why).toMatch(
      /^proxy_service.kubernetes: proxy_service should either set kube_listen_addr\/kube_public_addr or kubernetes.enabled, not both;/,
    )
  })
})

describe('proxy_listener_mode', () => {
  test.each([
    ['separate', 'separate'],
    ['Multiplex', 'multiplex'],
    ['MULTIPLEX', 'multiplex'],
  ])('takes %s', (word, mode) => {
    expect(load(yaml('v2').replace('cluster_name', `proxy_listener_mode: ${word}\n  cluster_name`)).auth?.listenerMode).toBe(mode)
  })

  test('is separate when absent, and names both words when wrong', () => {
    expect(load(yaml('v3')).auth?.listenerMode).toBe('separate')
    expect(refused(yaml('v2').replace('cluster_name', 'proxy_listener_mode: both\n  cluster_name')).why).toBe(
      'auth_service.proxy_listener_mode: must be separate or multiplex',
    )
  })
})

describe('which cluster a process joins', () => {
  const agent = (version: string, teleport: string): string => `version: ${version}
teleport:
  data_dir: data
${teleport}auth_service: {enabled: no}
proxy_service: {enabled: no}
db_service:
  enabled: yes
  databases: [{name: a, protocol: postgres, uri: "h:1"}]
`
  const pin = `sha256:${'a'.repeat(64)}`

  test('an agent of v3 joins through a proxy with a token', () => {
    const config = load(agent('v3', `  proxy_server: p.example\n  auth_token: s3cret\n  ca_pin: ${pin}\n`))
    expect(config).toMatchObject({ auth: undefined, proxy: undefined, databases: [{ name: 'a' }] })
    expect(config.join).toEqual({
      server: 'proxy',
      addresses: [{ host: 'p.example', port: 3080 }],
      token: { text: 's3cret' },
      caPins: [pin],
    })
  })

  test('join_params say the same, and a token may be in a file', () => {
    const join = load(agent('v3', '  auth_server: a.example\n  join_params: {method: token, token_name: ./token}\n')).join
    expect(join).toMatchObject({ server: 'auth', addresses: [{ host: 'a.example', port: 3025 }] })
    expect(join?.token).toMatchObject({ file: expect.stringMatching(/token$/) })
    expect(refused(agent('v3', '  auth_server: a\n  join_params: {method: iam, token_name: t}\n')).key).toBe('teleport.join_params.method')
  })

  test('v1 and v2 list servers of either kind', () => {
    expect(load(agent('v2', '  auth_servers: [a.example, "p.example:443"]\n')).join).toMatchObject({
      server: 'any',
      addresses: [
        { host: 'a.example', port: 3025 },
        { host: 'p.example', port: 443 },
      ],
      token: undefined,
    })
  })

  test.each([
    ['v3', '  auth_servers: [a]\n', 'config v3 has replaced auth_servers with either auth_server or proxy_server'],
    ['v3', '  auth_server: a\n  proxy_server: b\n', 'only one of auth_server or proxy_server should be set'],
    ['v3', '', 'auth_server or proxy_server is required'],
    ['v2', '  auth_server: a\n  auth_servers: [b]\n', 'auth_server is supported from config version v3 onwards'],
    ['v1', '  proxy_server: a\n  auth_servers: [b]\n', 'proxy_server is supported from config version v3 onwards'],
    ['v3', '  proxy_server: a\n  ca_pin: sha256:12\n', 'must be sha256: and 64 hexadecimal digits'],
  ])('%s with %j is refused', (version, teleport, why) => {
    expect(refused(agent(version, teleport)).problems.join('\n')).toContain(why)
  })

  test('a proxy has no proxy_server', () => {
    expect(refused(yaml('v3', '', '  proxy_server: a\n')).why).toBe(
      'teleport.proxy_server: proxy_server can not be specified when proxy service is enabled',
    )
  })

  test('half a cluster, and a process without a service, are refused', () => {
    expect(refused('version: v3\nteleport: {data_dir: d, auth_server: a}\nauth_service: {enabled: no}\n')).toMatchObject({
      key: 'auth_service.enabled',
      line: 3,
    })
    expect(refused(agent('v3', '  proxy_server: a\n').replace(/db_service:[^]*/, '')).why).toContain('nothing is to run')
  })
})
