import { describe, expect, test } from 'vitest'
import { decodeDialRequest, encodeDialRequest } from '../../../../electron/cluster/reverse-tunnel/dial-request.ts'
import { decodeDiscovery, encodeDiscovery } from '../../../../electron/cluster/reverse-tunnel/discovery.ts'

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')

describe('a dial request', () => {
  const request = {
    address: '@local-node',
    serverId: '491c5529.root.example',
    connectionType: 'db',
    clientSource: '203.0.113.9:51000',
    clientDestination: '',
  }

  test('is written with the names of v13, without what is empty, and read back', () => {
    const written = encodeDialRequest(request, '13.0.0')
    expect(String(written)).toBe(
      '{"address":"@local-node","server_id":"491c5529.root.example","conn_type":"db","teleport_version":"13.0.0","client_src_addr":"203.0.113.9:51000"}',
    )
    expect(decodeDialRequest(written)).toEqual(request)
  })

  test('of an old peer is an address', () => {
    expect(decodeDialRequest(bytes('node1:3022'))).toMatchObject({ address: 'node1:3022', serverId: '', connectionType: 'node' })
  })

  test('may say only the server, and more than we know', () => {
    expect(decodeDialRequest(bytes('{"server_id":"a.b","later":[1]}'))).toMatchObject({
      address: '',
      serverId: 'a.b',
      connectionType: 'node',
    })
  })

  test.each(['', '{}', '[]', 'null', '{"address":1}', '{"address":"x","conn_type":{}}', 'x'.repeat(16 * 1024 + 1)])(
    'is refused when malformed: %#',
    text => {
      expect(() => decodeDialRequest(bytes(text))).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
    },
  )
})

describe('a list of proxies', () => {
  test('is written as v13 writes it, and read back', () => {
    const written = encodeDiscovery(['a', 'b'])
    expect(String(written)).toBe('{"proxies":[{"version":"v2","metadata":{"name":"a"}},{"version":"v2","metadata":{"name":"b"}}]}')
    expect(decodeDiscovery(written)).toEqual(['a', 'b'])
  })

  test('may hold whole resources, or nothing', () => {
    expect(
      decodeDiscovery(bytes('{"proxies":[{"kind":"proxy","metadata":{"name":"a","labels":{}},"spec":{"addr":"x"}}],"type":"x"}')),
    ).toEqual(['a'])
    expect(decodeDiscovery(bytes('{"proxies":null}'))).toEqual([])
    expect(decodeDiscovery(bytes('{}'))).toEqual([])
  })

  test.each(['', '{', '{"proxies":{}}', '{"proxies":[{}]}', '{"proxies":[null]}', '{"proxies":[{"metadata":{"name":""}}]}'])(
    'is refused when malformed: %s',
    text => {
      expect(() => decodeDiscovery(bytes(text))).toThrow(expect.objectContaining({ code: 'wire/malformed' }))
    },
  )
})
