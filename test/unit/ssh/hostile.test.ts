import { expect, test } from 'vitest'
import * as message from '../../../electron/ssh/messages/connection-messages.ts'
import { MESSAGE } from '../../../electron/ssh/messages/message-number.ts'
import { encodeKexInit } from '../../../electron/ssh/messages/transport-messages.ts'
import { offerOf } from '../../../electron/ssh/algorithms.ts'
import { sshString, sshUint32 } from '../../../electron/wire/ssh-bytes.ts'
import { openPair, openWire } from '../../kit/ssh-pair.ts'
import { openHostilePeer } from './hostile-peer.ts'

const NOTHING = Buffer.alloc(0)
const openChannel = message.encodeChannelOpen({ type: 'test', sender: 5, window: 100, maxPacket: 100, data: NOTHING })
const data = (channel: number, bytes: Buffer): Buffer => Buffer.concat([message.channelDataHead(channel, undefined, bytes.length), bytes])
const kexInit = encodeKexInit(Buffer.alloc(16), offerOf({}, ['ssh-ed25519'], []))

/** After sign-in; the server must end with this reason, and tell it. */
const BREACHES: [string, readonly Buffer[], string][] = [
  ['data for a channel that does not exist', [data(0, Buffer.from('x'))], 'message 94 is for a channel that does not exist'],
  [
    'a confirmation that nobody waits for',
    [openChannel, message.encodeOpenConfirmation(0, { sender: 1, window: 1, maxPacket: 1 })],
    'message 91 is for a channel that is open already',
  ],
  [
    'more data than the window',
    [openChannel, ...Array.from({ length: 5 }, () => data(0, Buffer.alloc(200_000)))],
    'more came on a channel than its window allows',
  ],
  [
    'data after the end',
    [openChannel, message.encodeBareMessage(MESSAGE.channelEof, 0), data(0, Buffer.from('x'))],
    'data came after the end of a channel',
  ],
  [
    'stderr after the end',
    [openChannel, message.encodeBareMessage(MESSAGE.channelEof, 0), Buffer.concat([message.channelDataHead(0, 1, 1), Buffer.from('x')])],
    'data came after the end of a channel',
  ],
  ['a window beyond 4 GB', [openChannel, message.encodeWindowAdjust(0, 0xffff_ffff)], 'the window of a channel is too large'],
  ['a reply that nobody asked for', [Buffer.from([MESSAGE.requestSuccess])], 'a reply came that nobody asked for'],
  [
    'a channel reply that nobody asked for',
    [openChannel, message.encodeBareMessage(MESSAGE.channelSuccess, 0)],
    'a reply came that nobody asked for',
  ],
  ['a message that is cut short', [Buffer.from([MESSAGE.channelOpen, 0, 0])], 'SSH value is cut short'],
  [
    'a string longer than its packet',
    [Buffer.concat([Buffer.from([MESSAGE.globalRequest]), sshUint32(0xffff_ffff)])],
    'SSH value is cut short',
  ],
  [
    'a second sign-in',
    [Buffer.concat([Buffer.from([MESSAGE.ecdhInit]), sshString('x')])],
    'a message of the key exchange came without KEXINIT',
  ],
  ['NEWKEYS out of the blue', [Buffer.from([MESSAGE.newKeys])], 'NEWKEYS came too early'],
  ['data while keys are exchanged', [kexInit, openChannel], 'message 90 came during a key exchange'],
  ['two KEXINITs', [kexInit, kexInit], 'message 20 came during a key exchange'],
  [
    'a key exchange value that is none',
    [kexInit, Buffer.concat([Buffer.from([MESSAGE.ecdhInit]), sshString(Buffer.alloc(32))])],
    'the value of the key exchange is wrong',
  ],
  [
    'a key exchange value that is too short',
    [kexInit, Buffer.concat([Buffer.from([MESSAGE.ecdhInit]), sshString('x')])],
    'the value of the key exchange is wrong',
  ],
  [
    'exit-status without a status',
    [openChannel, message.encodeChannelRequest(0, { type: 'exit-status', wantReply: false, data: NOTHING })],
    'SSH value is cut short',
  ],
]

test.each(BREACHES)('%s ends the connection with its own text', async (_, messages, why) => {
  const peer = await openHostilePeer({ limits: { windowBytes: 500_000 }, server: { onChannel: ({ accept }) => void accept() } })
  for (const payload of messages) peer.say(payload)
  expect(await peer.server!.closed).toMatchObject({ code: 'wire/malformed', facts: { why } })
  expect(await peer.ended).toMatchObject({ code: 'ssh/disconnected', facts: { reason: 2, why } })
})

const BEFORE_SIGN_IN: [string, readonly Buffer[], string][] = [
  ['a channel', [openChannel], 'message 90 came before sign-in'],
  ['a key without asking for the service', [Buffer.from([MESSAGE.userAuthRequest])], 'message 50 came before sign-in'],
  [
    'another service',
    [Buffer.concat([Buffer.from([MESSAGE.serviceRequest]), sshString('ssh-connection')])],
    'the client asks for another service than user authentication',
  ],
]

test.each(BEFORE_SIGN_IN)('%s before sign-in ends the connection', async (_, messages, why) => {
  const peer = await openHostilePeer({ signIn: false })
  for (const payload of messages) peer.say(payload)
  await expect(peer.serving).rejects.toMatchObject({ code: 'wire/malformed', facts: { why } })
  await peer.ended
})

test('unknown messages are answered as such, and IGNORE, DEBUG and late window adjusts pass', async () => {
  const peer = await openHostilePeer()
  peer.say(MESSAGE.ignore, sshString('padding'))
  peer.say(MESSAGE.debug, NOTHING)
  peer.say(message.encodeWindowAdjust(77, 1))
  peer.say(79)
  peer.say(message.encodeGlobalRequest({ name: 'keepalive@openssh.com', wantReply: true, data: NOTHING }))
  await expect.poll(() => peer.heard.map(payload => payload[0])).toEqual([MESSAGE.requestFailure])
  await peer.close()
})

test('a peer that asks and asks without reading answers is not read either', async () => {
  const peer = await openHostilePeer({ server: { onGlobal: () => Buffer.alloc(100_000) }, limits: { backlogBytes: 1_000_000 } })
  peer.wire.client.pause()
  for (let asked = 0; asked < 200; asked++) peer.say(message.encodeGlobalRequest({ name: 'more', wantReply: true, data: NOTHING }))
  await new Promise(resolve => setTimeout(resolve, 100))
  expect(peer.server!.stats.sent).toBeLessThan(2_000_000)
  peer.wire.client.resume()
  await expect.poll(() => peer.heard.length).toBe(200)
  await peer.close()
})

test('requests that nobody answers are limited', async () => {
  const peer = await openHostilePeer({ server: { onGlobal: () => new Promise<boolean>(() => {}) } })
  for (let asked = 0; asked < 1100; asked++) peer.say(message.encodeGlobalRequest({ name: 'wait', wantReply: true, data: NOTHING }))
  expect(await peer.server!.closed).toMatchObject({ facts: { why: 'too many requests wait for an answer' } })
})

test('a peer that does not finish an exchange of keys is left', async () => {
  const peer = await openHostilePeer({ limits: { exchangeMs: 30 } })
  peer.wire.onBytes = (from, bytes) => (from === 'client' ? NOTHING : bytes)
  await peer.server!.rekey()
  expect(await peer.server!.closed).toMatchObject({ facts: { why: 'the other side does not finish the key exchange' } })
  peer.wire.cut()
})

test('a packet that was changed on its way ends the connection', async () => {
  for (const ciphers of [['aes128-gcm@openssh.com'], ['aes128-ctr']]) {
    for (const macs of [['hmac-sha2-256-etm@openssh.com'], ['hmac-sha2-256']]) {
      const wire = openWire()
      const { client, server } = await openPair({ wire, client: { algorithms: { ciphers, macs } } })
      wire.onBytes = (from, bytes) => {
        if (from === 'client') bytes[bytes.length - 1]! ^= 1
        return bytes
      }
      client.notifyGlobal('x')
      expect(await server.closed).toMatchObject({ code: 'wire/malformed', facts: { why: 'a packet was changed on its way' } })
      await client.closed
    }
  }
})

test('a message slipped in before the keys is noticed: strict key exchange', async () => {
  const ignore = Buffer.from('0000000c0a0200000000000000000000', 'hex')
  const wire = openWire()
  let begun = false
  wire.onBytes = (from, bytes) => {
    // After the client's version line and before its KEXINIT.
    const end = bytes.indexOf('\n') + 1
    if (from !== 'client' || begun || !bytes.includes('SSH-2.0')) return bytes
    begun = true
    return Buffer.concat([bytes.subarray(0, end), ignore, bytes.subarray(end)])
  }
  await expect(openPair({ wire })).rejects.toMatchObject({ facts: { why: expect.stringMatching(/the first packet was not KEXINIT/) } })
})
