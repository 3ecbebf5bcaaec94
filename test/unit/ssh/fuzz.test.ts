import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CIPHERS, MACS } from '../../../electron/ssh/algorithms.ts'
import { ctrOpener, ctrSealer } from '../../../electron/ssh/ctr-cipher.ts'
import { gcmOpener, gcmSealer } from '../../../electron/ssh/gcm-cipher.ts'
import * as agent from '../../../electron/ssh/messages/agent-messages.ts'
import * as auth from '../../../electron/ssh/messages/auth-messages.ts'
import * as connection from '../../../electron/ssh/messages/connection-messages.ts'
import * as forwarding from '../../../electron/ssh/messages/forwarding-messages.ts'
import { MESSAGE } from '../../../electron/ssh/messages/message-number.ts'
import * as transport from '../../../electron/ssh/messages/transport-messages.ts'
import { CLEAR, type PacketOpener, type PacketSealer } from '../../../electron/ssh/packet-cipher.ts'
import { PacketReader } from '../../../electron/ssh/packet-reader.ts'
import { PacketWriter } from '../../../electron/ssh/packet-writer.ts'
import { decodePublicKey, isSignedWith } from '../../../electron/ssh/public-key.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { sshString, sshUint32 } from '../../../electron/wire/ssh-bytes.ts'
import { signSsh } from '../../../electron/wire/ssh-signature.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { PassThrough } from 'node:stream'
import { certificateFor, KEY_KINDS, keyOf, openPair, openWire } from '../../kit/ssh-pair.ts'
import { openHostilePeer } from './hostile-peer.ts'

const vector = (name: string): Buffer => readFileSync(new URL(`../../vectors/ssh/${name}`, import.meta.url))
const NOTHING = Buffer.alloc(0)
const bytes = (maxLength = 300) => fc.uint8Array({ maxLength }).map(array => Buffer.from(array))

/** Any valid bytes with some of them changed, cut, or with lengths made huge. */
const mutated = (valid: Buffer) =>
  fc
    .tuple(
      fc.array(fc.tuple(fc.nat(Math.max(0, valid.length - 1)), fc.constantFrom(0, 1, 0x7f, 0x80, 0xff)), { maxLength: 6 }),
      fc.nat(valid.length),
    )
    .map(([changes, end]) => {
      const copy = Buffer.from(valid)
      for (const [at, value] of changes) copy[at] = value
      return end % 3 === 0 ? copy.subarray(0, end) : copy
    })

const connectionMessage = (from: (reader: Parameters<typeof connection.readOpenFailure>[0]) => unknown) => (payload: Buffer) =>
  from(connection.decodeRecipient(payload).reader)
const request = { type: 'exec', wantReply: true, data: sshString('id') }
const userKey = keyOf('ecdsa-384', 'user')
const certificate = keySigner(userKey.privateKey, certificateFor(userKey.publicKey, keyOf('ed25519', 'ca'), 'user')).blob
const hostPort = { host: 'node', port: 22 }

/** Every decoder, with something that it reads well. */
const DECODERS: [string, (payload: Buffer) => unknown, Buffer][] = [
  ['KEXINIT', transport.decodeKexInit, vector('server-ident-kexinit.bin').subarray(23)],
  ['ECDH init', transport.decodeEcdhInit, transport.encodeEcdhInit(Buffer.alloc(32))],
  [
    'ECDH reply',
    transport.decodeEcdhReply,
    transport.encodeEcdhReply({ hostKey: certificate, serverValue: Buffer.alloc(32), signature: Buffer.alloc(9) }),
  ],
  ['ext-info', transport.decodeExtInfo, transport.encodeExtInfo(new Map([['server-sig-algs', 'a,b']]))],
  ['disconnect', transport.decodeDisconnect, transport.encodeDisconnect(2, 'why')],
  ['service', transport.decodeService, transport.encodeServiceRequest('ssh-userauth')],
  [
    'auth request',
    auth.decodeAuthRequest,
    Buffer.concat([auth.encodePublicKeyRequest({ user: 'a', algorithm: 'ssh-ed25519', key: certificate }, true), sshString('s')]),
  ],
  ['auth failure', auth.decodeAuthFailure, auth.encodeAuthFailure(['publickey'])],
  ['banner', auth.decodeBanner, auth.encodeBanner('hello')],
  ['global request', connection.decodeGlobalRequest, connection.encodeGlobalRequest({ name: 'x', wantReply: true, data: NOTHING })],
  [
    'channel open',
    connection.decodeChannelOpen,
    connection.encodeChannelOpen({ type: 'x', sender: 0, window: 1, maxPacket: 1, data: NOTHING }),
  ],
  [
    'open confirmation',
    connectionMessage(connection.readOpenConfirmation),
    connection.encodeOpenConfirmation(0, { sender: 1, window: 1, maxPacket: 1 }),
  ],
  ['open failure', connectionMessage(connection.readOpenFailure), connection.encodeOpenFailure(0, 1, 'no')],
  ['channel request', connectionMessage(connection.readChannelRequest), connection.encodeChannelRequest(0, request)],
  ['exit signal', data => connection.readExit('exit-signal', data), connection.encodeExitSignal('TERM', '')],
  [
    'forwarded connection',
    forwarding.decodeForwardedConnection,
    forwarding.encodeForwardedConnection({ target: hostPort, origin: hostPort }),
  ],
  ['forward request', forwarding.decodeForwardRequest, forwarding.encodeForwardRequest(hostPort)],
  ['bound port', forwarding.decodeBoundPort, forwarding.encodeBoundPort(22)],
  ['agent keys', agent.decodeKeys, Buffer.concat([Buffer.from([12]), sshUint32(1), sshString('k'), sshString('c')])],
  ['agent signature', agent.decodeSignature, Buffer.concat([Buffer.from([14]), sshString('s')])],
  ['certificate', decodePublicKey, certificate],
  ...KEY_KINDS.map((kind): [string, (payload: Buffer) => unknown, Buffer] => {
    const keys = keyOf(kind, 'user')
    const [algorithm] = keySigner(keys.privateKey).algorithms
    const shown = decodePublicKey(keySigner(keys.privateKey).blob)
    return [
      `${kind} signature`,
      blob => isSignedWith(shown, algorithm!, Buffer.from('x'), blob),
      signSsh(keys.privateKey, algorithm!, Buffer.from('x')),
    ]
  }),
  ...KEY_KINDS.map((kind): [string, (payload: Buffer) => unknown, Buffer] => [
    `${kind} key`,
    decodePublicKey,
    keySigner(keyOf(kind, 'user').privateKey).blob,
  ]),
]

test.each(DECODERS)('%s: whatever comes, it is read or refused', (_, decode, valid) => {
  decode(valid)
  const readOrRefused = (payload: Buffer): void => {
    try {
      decode(payload)
    } catch (thrown) {
      expect(thrown).toMatchObject({ code: 'wire/malformed' })
    }
  }
  fc.assert(fc.property(fc.oneof(bytes(), mutated(valid)), readOrRefused), { numRuns: 150 })
})

/** Opener and sealer with the same keys. */
const SUITES: [string, () => [PacketOpener, PacketSealer]][] = [
  ['clear', () => [CLEAR, CLEAR]],
  ...[...CIPHERS].flatMap(([name, cipher]): [string, () => [PacketOpener, PacketSealer]][] => {
    const [key, iv] = [Buffer.alloc(cipher.keyLength, 1), Buffer.alloc(cipher.ivLength, 0xff)]
    if (cipher.aead) return [[name, () => [gcmOpener(cipher, key, iv), gcmSealer(cipher, key, iv)]]]
    return [...MACS].map(([macName, mac]): [string, () => [PacketOpener, PacketSealer]] => {
      const macKey = Buffer.alloc(mac.length, 2)
      return [`${name} ${macName}`, () => [ctrOpener(cipher, mac, key, iv, macKey), ctrSealer(cipher, mac, key, iv, macKey)]]
    })
  }),
]

async function sealed(sealer: PacketSealer, payloads: readonly Buffer[]): Promise<Buffer> {
  const stream = new PassThrough({ highWaterMark: 2 ** 24 })
  const writer = new PacketWriter(stream)
  writer.useKeys(sealer, false)
  for (const payload of payloads) writer.write(payload.subarray(0, 1), payload.subarray(1))
  return (stream.read() as Buffer | null) ?? NOTHING
}

test.each(SUITES)('%s: packets come out as they went in, however the bytes are cut', async (_, make) => {
  const someBytes = fc.array(
    fc.oneof(bytes(40), bytes(300), fc.constant(Buffer.alloc(9000, 7))).map(payload => Buffer.concat([Buffer.from([99]), payload])),
    { maxLength: 5 },
  )
  await fc.assert(
    fc.asyncProperty(someBytes, fc.integer({ min: 1, max: 5000 }), async (payloads, piece) => {
      const [opener, sealer] = make()
      const wire = await sealed(sealer, payloads)
      const reader = new PacketReader(257 * 1024)
      reader.useKeys(opener, true)
      const got: Buffer[] = []
      for (let at = 0; at < wire.length; at += piece) {
        reader.push(wire.subarray(at, at + piece))
        for (let payload = reader.next(); payload !== undefined; payload = reader.next()) got.push(payload)
      }
      expect(got).toEqual(payloads)
      expect(reader.received).toBe(wire.length)
    }),
    { numRuns: 25 },
  )
})

test.each(SUITES)('%s: changed packets are refused, or wait for more', async (name, make) => {
  const valid = await sealed(make()[1], [Buffer.from('first'), Buffer.from('second')])
  fc.assert(
    fc.property(fc.oneof(bytes(200), mutated(valid)), wire => {
      const reader = new PacketReader(257 * 1024)
      reader.useKeys(make()[0], true)
      reader.push(wire)
      const got: string[] = []
      try {
        for (let payload = reader.next(); payload !== undefined; payload = reader.next()) got.push(payload.toString())
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(PorticoError)
        expect((thrown as PorticoError).code).toMatch(/^wire\//)
      }
      if (name !== 'clear') expect(['first', 'second'].slice(0, got.length)).toEqual(got)
    }),
    { numRuns: 60 },
  )
})

test('a server survives any message of a client that is signed in: it answers, or ends with a reason', async () => {
  const messages = fc.array(
    fc.oneof(
      fc
        .tuple(fc.constantFrom(...Object.values(MESSAGE), 0, 60, 79, 101, 255), bytes(40))
        .map(([number, rest]) => Buffer.concat([Buffer.from([number]), rest])),
      fc.constant(connection.encodeChannelOpen({ type: 'x', sender: 3, window: 5, maxPacket: 0, data: NOTHING })),
      fc.constant(connection.encodeChannelRequest(0, request)),
      fc
        .constantFrom(MESSAGE.channelEof, MESSAGE.channelClose, MESSAGE.channelFailure)
        .map(number => connection.encodeBareMessage(number, 0)),
      fc.constant(Buffer.concat([connection.channelDataHead(0, 1, 3), Buffer.from('abc')])),
    ),
    { maxLength: 8 },
  )
  await fc.assert(
    fc.asyncProperty(messages, async all => {
      const peer = await openHostilePeer()
      for (const payload of all) peer.say(payload)
      peer.say(connection.encodeGlobalRequest({ name: 'still there?', wantReply: true, data: NOTHING }))
      const heard = new Promise<undefined>(resolve => {
        const look = setInterval(() => {
          if (!peer.heard.some(payload => payload[0] === MESSAGE.requestFailure)) return
          clearInterval(look)
          resolve(undefined)
        }, 1)
        void peer.ended.then(() => clearInterval(look))
      })
      const cause = await Promise.race([peer.server!.closed, heard])
      expect(cause?.code ?? 'answered').not.toBe('app/bug')
      await peer.close()
      await peer.server!.closed
    }),
    { numRuns: 120 },
  )
}, 30_000)

/** The bytes of one side of a whole sign-in, as they passed. */
async function recorded(from: 'client' | 'server'): Promise<Buffer> {
  const wire = openWire()
  const passed: Buffer[] = []
  wire.onBytes = (side, chunk) => {
    if (side === from) passed.push(chunk)
    return chunk
  }
  const { client } = await openPair({ wire })
  await client.close()
  return Buffer.concat(passed)
}

test('a client survives any server: captured and recorded bytes, changed anywhere', async () => {
  const captures = [vector('proxysites-server-to-client.bin'), vector('ssh-proxy-to-agent.clear.bin'), await recorded('server')]
  const anyBytes = fc.oneof(
    ...captures.map(capture => mutated(capture)),
    bytes(500).map(rest => Buffer.concat([Buffer.from('SSH-2.0-x\r\n'), rest])),
  )
  await fc.assert(
    fc.asyncProperty(anyBytes, async said => {
      const wire = openWire()
      wire.server.resume().end(said)
      const thrown = await openSshClient(wire.client, {
        verifyHost: () => {},
        user: 'alice',
        identities: [keySigner(keyOf('ed25519', 'user').privateKey)],
        log: NO_LOG,
      }).catch((cause: unknown) => cause)
      expect(thrown).toBeInstanceOf(PorticoError)
      expect((thrown as PorticoError).code).not.toBe('app/bug')
    }),
    { numRuns: 150 },
  )
}, 30_000)

test('a server survives any client: captured and recorded bytes, changed anywhere', async () => {
  const { serveSsh } = await import('../../../electron/ssh/serve-ssh.ts')
  const captures = [vector('proxysites-client-to-server.bin'), vector('ssh-agent-to-proxy.clear.bin'), await recorded('client')]
  const hostKeys = [
    keySigner(keyOf('ed25519', 'host').privateKey),
    keySigner(keyOf('rsa', 'host').privateKey, certificateFor(keyOf('rsa', 'host').publicKey, keyOf('ed25519', 'ca'), 'host')),
  ]
  const anyBytes = fc.oneof(...captures.map(capture => mutated(capture)))
  await fc.assert(
    fc.asyncProperty(anyBytes, async said => {
      const wire = openWire()
      wire.client.resume().end(said)
      const thrown = await serveSsh(wire.server, { hostKeys, authorize: () => true, log: NO_LOG }).catch((cause: unknown) => cause)
      expect(thrown).toBeInstanceOf(PorticoError)
      expect((thrown as PorticoError).code).not.toBe('app/bug')
    }),
    { numRuns: 150 },
  )
}, 30_000)
