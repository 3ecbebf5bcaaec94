import { expect, it } from 'vitest'
import { detectFirstBytes } from '../../../electron/wire/first-bytes.ts'

it.each([
  ['tls', '16030100c8010000'],
  ['postgres', '0000000804d2162f'],
  ['postgres', '0000000804d21630'],
  ['postgres', '0000001004d2162e'],
  ['proxy-v2', '0d0a0d0a000d0a51'],
  ['unknown', '0000002100030000'],
  ['unknown', '0000000804d21631'],
  ['unknown', '0000000904d2162f'],
  ['unknown', '802e010002001500'],
  ['unknown', '1503010002010000'],
  ['unknown', ''],
  ['unknown', '0000000804d216'],
] as const)('says %s for %s', (expected, hex) => expect(detectFirstBytes(Buffer.from(hex, 'hex'))).toBe(expected))

it.each([
  ['proxy-v1', 'PROXY TCP4 1.2.3.4'],
  ['ssh', 'SSH-2.0-x'],
  ['ssh', 'Teleport-Proxy{}'],
  ['http', 'GET / HTTP/1.1'],
  ['http', 'OPTIONS * HTTP/1.1'],
  ['http', 'CONNECT a:1 HTTP/1.1'],
  ['unknown', 'PRI * HTTP/2.0'],
  ['unknown', 'get / HTTP/1.1'],
] as const)('says %s for "%s"', (expected, text) => expect(detectFirstBytes(Buffer.from(text))).toBe(expected))
