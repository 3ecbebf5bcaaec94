import { expect, test } from 'vitest'
import { launcherFor } from '../../../../electron/cluster/web/host-rule.ts'

const PROXY = [{ host: 'proxy.example', port: 443 }]
const launcher = (host: string | undefined, path = '/webapi/ping'): string | undefined =>
  launcherFor(host, new URL(path, 'https://x'), PROXY)

test.each([
  undefined,
  '',
  'proxy.example',
  'PROXY.example:8443',
  'localhost',
  'localhost:1',
  '127.0.0.1:3480',
  '10.0.0.1',
  '[::1]:3480',
  '[::1]',
])('%s is the proxy itself', host => {
  expect(launcher(host)).toBeUndefined()
})

test('any other host is taken for an application', () => {
  expect(launcher('grafana.proxy.example:443', '/d?x=1&y=2')).toBe(
    'https://proxy.example:443/web/launch/grafana.proxy.example?path=%2Fd&query=x%3D1%26y%3D2',
  )
  expect(launcher('a"><b>')).toBe('https://proxy.example:443/web/launch/a%22%3E%3Cb%3E?path=%2Fwebapi%2Fping')
})
