import type { Socket } from 'node:net'
import { expect, test } from 'vitest'
import { causeLabel } from '../../../../electron/cluster/operations/cause-label.ts'
import { Metrics } from '../../../../electron/cluster/operations/metrics.ts'
import { observeConnections } from '../../../../electron/cluster/operations/observe-connections.ts'
import { NO_LOG, type Log } from '../../../../electron/log/log.ts'

test('the text is Prometheus’ own, with labels escaped', () => {
  const metrics = new Metrics()
  metrics.counter('plain_total', 'Nothing yet.')
  const counter = metrics.counter('odd_total', 'Odd labels.', ['a', 'b'])
  counter.add(1, 'x', 'a"b\\c\nd')
  counter.add(2, 'x', 'a"b\\c\nd')
  metrics.gauge('now', 'Read late.', () => 1.5)
  metrics.byLabel('open', 'By name.', 'name', () => [
    ['web', 1],
    ['ssh', 0],
  ])
  expect(metrics.text()).toBe(`# HELP plain_total Nothing yet.
# TYPE plain_total counter
plain_total 0
# HELP odd_total Odd labels.
# TYPE odd_total counter
odd_total{a="x",b="a\\"b\\\\c\\nd"} 3
# HELP now Read late.
# TYPE now gauge
now 1.5
# HELP open By name.
# TYPE open gauge
open{name="web"} 1
open{name="ssh"} 0
`)
})

const LINE = {
  peer: '192.0.2.1:1',
  via: '',
  route: 'web',
  sni: 'h',
  offered: [],
  negotiated: 'h2',
  user: '',
  bytesIn: 10,
  bytesOut: 20,
  ms: 3,
  served: true,
  cause: '',
}

test('connections are counted by route, failed ones by cause, bytes while they are open', () => {
  const metrics = new Metrics()
  const lines: unknown[] = []
  const note =
    (level: string) =>
    (event: string, facts?: object): void =>
      void lines.push([level, event, facts])
  const log: Log = { ...NO_LOG, info: note('info'), debug: note('debug') }
  const observer = observeConnections(metrics, log, 'info')
  const [a, b] = [{ bytesRead: 5, bytesWritten: 6 } as Socket, { bytesRead: 1, bytesWritten: 0 } as Socket]
  observer.opened('web', a)
  observer.opened('mongo', b)
  expect(metrics.text()).toContain('portico_connections_open{listener="mongo"} 1')
  expect(metrics.text()).toContain('portico_bytes_total{direction="in"} 6')
  observer.closed('web', a, LINE)
  observer.closed('mongo', b, { ...LINE, route: '', served: false, cause: 'client certificate: missing', bytesIn: 1, bytesOut: 0 })
  observer.refused('web', 'address')
  const text = metrics.text()
  for (const sample of [
    'portico_connections_total{listener="web",route="web"} 1',
    'portico_handshakes_failed_total{listener="mongo",cause="certificate-missing"} 1',
    'portico_connections_limited_total{listener="web",limit="address"} 1',
    'portico_bytes_total{direction="in"} 11',
    'portico_bytes_total{direction="out"} 20',
  ])
    expect(text).toContain(`${sample}\n`)
  expect(text).not.toContain('portico_connections_open{')
  expect(lines[0]).toEqual(['info', 'router.connection', { listener: 'web', ...LINE }])
})

test('whatever a stranger sends, causes are of a closed list', () => {
  expect(
    [
      'silent',
      'slow ClientHello',
      'unknown ALPN',
      'ECONNRESET',
      'client certificate: expired',
      'ERR_SSL_UNSUPPORTED_PROTOCOL',
      'ssh on this port',
      'kube is off',
      'two PROXY headers',
      'two ALPN extensions',
    ].map(causeLabel),
  ).toEqual([
    'silent',
    'slow-hello',
    'unknown-alpn',
    'client-closed',
    'certificate-expired',
    'tls-version',
    'unknown-protocol',
    'service-off',
    'proxy-header',
    'bad-hello',
  ])
  for (const odd of ['', 'toString', '__proto__', 'x"} 1\nfake_total 2']) expect(causeLabel(odd)).toBe('other')
})
