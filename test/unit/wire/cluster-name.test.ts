import { expect, it } from 'vitest'
import { decodeClusterSni, encodeClusterSni } from '../../../electron/wire/cluster-name.ts'

it.each(['root.example.com', 'Root', 'größe.例', 'a'.repeat(120)])('takes %s there and back', cluster => {
  expect(decodeClusterSni(encodeClusterSni(cluster))).toEqual({ state: 'cluster', cluster })
})

it('encodes as Teleport does', () => {
  expect(encodeClusterSni('root.example.com')).toBe('726f6f742e6578616d706c652e636f6d.teleport.cluster.local')
})

it.each([
  ['726F6F74.teleport.cluster.local', { state: 'cluster', cluster: 'root' }],
  ['teleport.cluster.local', { state: 'none' }],
  ['726f6f74', { state: 'none' }],
  ['localhost', { state: 'none' }],
  ['', { state: 'none' }],
  ['.teleport.cluster.local', { state: 'malformed' }],
  ['72f.teleport.cluster.local', { state: 'malformed' }],
  ['xyz.teleport.cluster.local', { state: 'malformed' }],
  ['ff.teleport.cluster.local', { state: 'malformed' }],
  ['kube-teleport-proxy-alpn.teleport.cluster.local', { state: 'malformed' }],
])('decodes %s', (sni, expected) => expect(decodeClusterSni(sni)).toEqual(expected))
