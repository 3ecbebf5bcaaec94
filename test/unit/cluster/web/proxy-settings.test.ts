import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { load } from '../config/config-file.ts'
import { checkCluster } from '../../../../electron/cluster/check-cluster.ts'
import { findDocument, pingDocument } from '../../../../electron/cluster/web/ping.ts'
import { proxySettings, type AnnouncedProxy } from '../../../../electron/cluster/web/proxy-settings.ts'

/** router-config.md 3 and 1.3 */
const WEB = { host: '0.0.0.0', port: 3080 }
const NOTHING_PUBLIC = { web: [], ssh: [], tunnel: [], kube: [], mysql: [], postgres: [], mongo: [] }
const PLAIN: AnnouncedProxy = {
  version: 'v3',
  listenerMode: 'multiplex',
  publicAddresses: NOTHING_PUBLIC,
  kubeEnabled: true,
  web: WEB,
  ports: {},
}
const at = (port: number) => ({ host: '10.0.0.1', port })
const ALL_PORTS = { ssh: at(1), tunnel: at(2), kube: at(3), mysql: at(4), postgres: at(5), mongo: at(6) }

test('multiplex mode from v2 on announces the web address for everything but MongoDB', () => {
  for (const version of ['v2', 'v3'] as const) {
    for (const ports of [{}, ALL_PORTS]) {
      expect(proxySettings({ ...PLAIN, version, ports })).toEqual({
        kube: { enabled: true, listen_addr: '0.0.0.0:3080' },
        ssh: { listen_addr: '0.0.0.0:3080', tunnel_listen_addr: '0.0.0.0:3080', web_listen_addr: '0.0.0.0:3080' },
        db: {
          postgres_listen_addr: '0.0.0.0:3080',
          mysql_listen_addr: '0.0.0.0:3080',
          ...('mongo' in ports ? { mongo_listen_addr: '10.0.0.1:6', postgres_public_addr: '0.0.0.0:5' } : {}),
        },
        tls_routing_enabled: true,
      })
    }
  }
})

test('separate mode announces what listens, and leaves out what does not', () => {
  expect(proxySettings({ ...PLAIN, listenerMode: 'separate', ports: ALL_PORTS })).toEqual({
    kube: { enabled: true, listen_addr: '10.0.0.1:3' },
    ssh: { listen_addr: '10.0.0.1:1', tunnel_listen_addr: '10.0.0.1:2', web_listen_addr: '0.0.0.0:3080' },
    db: {
      postgres_listen_addr: '10.0.0.1:5',
      postgres_public_addr: '0.0.0.0:5',
      mysql_listen_addr: '10.0.0.1:4',
      mongo_listen_addr: '10.0.0.1:6',
    },
    tls_routing_enabled: false,
  })
  expect(proxySettings({ ...PLAIN, listenerMode: 'separate' })).toEqual({
    kube: { enabled: true },
    ssh: { web_listen_addr: '0.0.0.0:3080' },
    db: {},
    tls_routing_enabled: false,
  })
})

test('v1 tells TLS routing, and its own addresses all the same', () => {
  const settings = proxySettings({ ...PLAIN, version: 'v1', kubeEnabled: false, ports: { ssh: at(1), tunnel: at(2), kube: at(3) } })
  expect(settings).toEqual({
    kube: { enabled: false },
    ssh: { listen_addr: '10.0.0.1:1', tunnel_listen_addr: '10.0.0.1:2', web_listen_addr: '0.0.0.0:3080' },
    db: {},
    tls_routing_enabled: true,
  })
})

describe('public addresses', () => {
  const named = (name: string, port: number) => [
    { host: name, port },
    { host: `other.${name}`, port },
  ]
  const publicAddresses = {
    web: named('p.example', 443),
    ssh: named('s.example', 1),
    tunnel: named('t.example', 2),
    kube: named('k.example', 3),
    mysql: named('my.example', 4),
    postgres: named('pg.example', 5),
    mongo: named('mo.example', 6),
  }

  test('are the first of each list, in either mode, never rewritten', () => {
    for (const listenerMode of ['multiplex', 'separate'] as const) {
      expect(proxySettings({ ...PLAIN, listenerMode, publicAddresses })).toMatchObject({
        kube: { public_addr: 'k.example:3' },
        ssh: { public_addr: 'p.example:443', ssh_public_addr: 's.example:1', ssh_tunnel_public_addr: 't.example:2' },
        db: { postgres_public_addr: 'pg.example:5', mysql_public_addr: 'my.example:4', mongo_public_addr: 'mo.example:6' },
      })
    }
  })

  test('of Postgres come from its listener and the first public host, else the web host', () => {
    const db = (more: Partial<AnnouncedProxy>) => proxySettings({ ...PLAIN, ports: { postgres: at(5) }, ...more }).db.postgres_public_addr
    expect(db({})).toBe('0.0.0.0:5')
    expect(db({ publicAddresses: { ...NOTHING_PUBLIC, web: publicAddresses.web } })).toBe('p.example:5')
    expect(db({ publicAddresses })).toBe('pg.example:5')
    expect(db({ ports: {} })).toBeUndefined()
  })

  test('without a port follow the web port, wherever it was bound', () => {
    const settings = proxySettings({
      ...PLAIN,
      web: { host: '::1', port: 41 },
      publicAddresses: { ...NOTHING_PUBLIC, web: [{ host: 'h', port: 0 }] },
    })
    expect(settings.ssh).toMatchObject({ public_addr: 'h:41', web_listen_addr: '[::1]:41' })
  })
})

test('the documents are those that Teleport 13 gave for the same configuration', () => {
  const captured = (name: string) =>
    JSON.parse(
      readFileSync(new URL(`../../../vectors/web/captured/${name}.response.txt`, import.meta.url), 'utf8').replace(/^[^]*?\r\n\r\n/, ''),
    ) as object
  const plan = checkCluster(
    load(`version: v3
teleport: {data_dir: d}
auth_service: {cluster_name: root.example, proxy_listener_mode: multiplex, authentication: {second_factor: off}}
proxy_service: {web_listen_addr: "127.0.0.1:13080", public_addr: localhost}
`),
  )
  const announced = { clusterName: 'root.example', secondFactor: 'off', proxy: plan.announced! } as const
  const version = { server_version: '13.0.0' }
  expect(JSON.stringify(pingDocument(announced))).toBe(JSON.stringify({ ...captured('ping'), ...version }))
  expect(JSON.stringify(findDocument(announced))).toBe(JSON.stringify({ ...captured('find'), ...version }))
})
