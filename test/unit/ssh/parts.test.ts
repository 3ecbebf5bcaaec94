import { Duplex } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { agree, KEX_METHODS, offerOf } from '../../../electron/ssh/algorithms.ts'
import { printable } from '../../../electron/ssh/failures.ts'
import { AwaitedReplies, RequestTurns } from '../../../electron/ssh/in-order.ts'
import { LoginDeadline } from '../../../electron/ssh/login-deadline.ts'
import { encodeSign } from '../../../electron/ssh/messages/agent-messages.ts'
import { fingerprint } from '../../../electron/ssh/public-key.ts'
import { deriveKey, newEphemeral } from '../../../electron/ssh/shared-secret.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import { isAddressIn } from '../../../electron/ssh/source-address.ts'
import { SshKeyAgent } from '../../../electron/ssh/ssh-key-agent.ts'
import { sshByte, sshString, sshUint32 } from '../../../electron/wire/ssh-bytes.ts'
import { parseSshKey } from '../../../electron/wire/ssh-keys.ts'
import { signSsh } from '../../../electron/wire/ssh-signature.ts'
import { certificateFor, keyOf } from '../../kit/ssh-pair.ts'

test.each([
  ['10.1.2.3', '10.0.0.0/8', true],
  ['10.1.2.3', '10.1.2.3', true],
  ['10.1.2.3', '192.168.0.0/16, 10.1.2.0/24', true],
  ['::ffff:10.1.2.3', '10.1.2.3/32', true],
  ['10.1.2.3', '10.1.2.4/32', false],
  ['fd00::1', 'fd00::/8', true],
  ['fe80::1%eth0', 'fe80::/10', true],
  ['fd00::1', '0.0.0.0/0', false],
  ['10.1.2.3', '10.0.0.0/99', false],
  ['10.1.2.3', 'x/8,,', false],
  ['', '0.0.0.0/0', false],
])('address %s in %s: %s', (address, list, inside) => {
  expect(isAddressIn(address, list)).toBe(inside)
})

test('the first name of the client that the server has too is chosen', () => {
  const client = offerOf(
    { kex: ['b', 'c'], ciphers: ['aes256-ctr', 'aes128-gcm@openssh.com'], macs: ['n', 'm'] },
    ['k2', 'k1'],
    ['ext-info-c'],
  )
  const server = offerOf({ kex: ['a', 'c', 'b'], ciphers: ['aes128-gcm@openssh.com', 'aes256-ctr'], macs: ['m', 'n'] }, ['k1', 'k2'], [])
  const way = { cipher: 'aes256-ctr', mac: 'n' }
  expect(agree(client, server, 'client')).toEqual({ kex: 'b', hostKey: 'k2', toServer: way, toClient: way })
})

test('no finite-field Diffie-Hellman and no chacha20 are ever offered', () => {
  const { kex, cipherToServer, macToServer } = offerOf({}, [], [])
  expect([...kex, ...cipherToServer, ...macToServer].filter(name => /diffie|chacha|sha1|md5|cbc/.test(name))).toEqual([])
})

test.each([...KEX_METHODS])('%s: both sides compute the same secret, and a point that is none is refused', (_, method) => {
  const [one, other] = [newEphemeral(method), newEphemeral(method)]
  expect(one.agree(other.publicValue)).toEqual(other.agree(one.publicValue))
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(one.publicValue.length), Buffer.alloc(500, 4)])
    expect(() => one.agree(wrong)).toThrow('the value of the key exchange is wrong')
})

test('long keys are derived in several steps, each from all before', () => {
  const ingredients = { secret: Buffer.from('k'), exchange: Buffer.from('h'), session: Buffer.from('s') }
  const long = deriveKey('sha256', ingredients, 'C', 80)
  expect(long).toHaveLength(80)
  expect(deriveKey('sha256', ingredients, 'C', 32)).toEqual(long.subarray(0, 32))
  expect(deriveKey('sha256', ingredients, 'D', 32)).not.toEqual(long.subarray(0, 32))
})

test("a stranger's text loses its control characters and its length", () => {
  expect(printable('a\u0007b\u202ec\td\ne ')).toBe('a b c\td\ne')
  expect(printable('x'.repeat(5000))).toHaveLength(2048)
})

test('the fingerprint is the one that ssh-keygen prints', () => {
  // ssh-keygen -lf of GitHub's published key.
  const line = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'
  expect(parseSshKey(line).asymmetricKeyType).toBe('ed25519')
  expect(fingerprint(Buffer.from(line.split(' ')[1]!, 'base64'))).toBe('SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU')
})

test('a certificate of another key is no identity', () => {
  const certificate = certificateFor(keyOf('ed25519', 'other').publicKey, keyOf('ed25519', 'ca'), 'user')
  expect(() => keySigner(keyOf('ed25519', 'user').privateKey, certificate)).toThrow('the certificate is not for this ssh-ed25519 key')
})

test('a key makes only signatures of its own kind', () => {
  expect(() => signSsh(keyOf('rsa', 'user').privateKey, 'ssh-rsa', Buffer.alloc(1))).toThrow('this key makes no ssh-rsa signature')
  expect(() => signSsh(keyOf('rsa', 'user').privateKey, 'ssh-ed25519', Buffer.alloc(1))).toThrow('this key makes no ssh-ed25519 signature')
})

test('turns: a slow one holds the later ones, a quick one does not', async () => {
  const turns = new RequestTurns()
  const done: string[] = []
  let finish: () => void = () => {}
  turns.add(() => void done.push('a'))
  turns.add(() => new Promise<void>(resolve => (finish = () => resolve())).then(() => void done.push('b')))
  turns.add(() => void done.push('c'))
  expect(done).toEqual(['a'])
  finish()
  await vi.waitFor(() => expect(done).toEqual(['a', 'b', 'c']))
})

test('replies that nobody awaits are refused', () => {
  expect(() => new AwaitedReplies<boolean>().answer(true)).toThrow('a reply came that nobody asked for')
})

test('the deadline stands still while our own side decides', async () => {
  vi.useFakeTimers()
  try {
    let passed = false
    const deadline = new LoginDeadline(100, () => (passed = true))
    const deciding = deadline.without(() => new Promise(resolve => setTimeout(resolve, 500)))
    await vi.advanceTimersByTimeAsync(499)
    expect(passed).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await deciding
    await vi.advanceTimersByTimeAsync(100)
    expect(passed).toBe(true)
    deadline.end()
  } finally {
    vi.useRealTimers()
  }
})

/** An agent that answers as told; what it was asked is kept. */
function fakeAgent(answer: (asked: Buffer) => Buffer | undefined): { agent: SshKeyAgent; asked: Buffer[] } {
  const asked: Buffer[] = []
  const stream = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      asked.push(chunk)
      const said = answer(chunk)
      // In two pieces, as a socket may give it.
      if (said !== undefined) for (const part of [said.subarray(0, 3), said.subarray(3)]) stream.push(part)
      done()
    },
  })
  return { agent: new SshKeyAgent(stream), asked }
}

test('an agent lists its keys and signs, one question at a time; unknown kinds are left out', async () => {
  const { privateKey } = keyOf('rsa', 'user')
  const signer = keySigner(privateKey)
  const list = sshString(
    Buffer.concat([
      sshByte(12),
      sshUint32(2),
      sshString(sshString('sk-odd@openssh.com')),
      sshString('odd'),
      sshString(signer.blob),
      sshString('mine'),
    ]),
  )
  const { agent, asked } = fakeAgent(question => (question[4] === 11 ? list : sshString(Buffer.concat([sshByte(14), sshString('signed')]))))
  expect((await agent.list()).map(({ comment }) => comment)).toEqual(['odd', 'mine'])
  const [mine, ...rest] = await agent.signers()
  expect(rest).toEqual([])
  expect(mine).toMatchObject({ blob: signer.blob, algorithms: ['rsa-sha2-512', 'rsa-sha2-256'], askFirst: true })
  const both = await Promise.all([mine!.sign('rsa-sha2-512', Buffer.from('x')), mine!.sign('rsa-sha2-256', Buffer.from('y'))])
  expect(both.map(String)).toEqual(['signed', 'signed'])
  // Without the flag an agent would sign with SHA-1.
  expect(asked.slice(2)).toEqual([
    encodeSign(signer.blob, Buffer.from('x'), 'rsa-sha2-512'),
    encodeSign(signer.blob, Buffer.from('y'), 'rsa-sha2-256'),
  ])
  expect(asked[2]!.readUInt32BE(asked[2]!.length - 4)).toBe(4)
  agent.close()
  await expect(agent.list()).rejects.toMatchObject({ code: 'ssh/agent' })
})

test('an agent that refuses, rambles or leaves is told as such', async () => {
  const refusing = fakeAgent(() => sshString(sshByte(5)))
  await expect(refusing.agent.list()).rejects.toMatchObject({ facts: { why: 'the agent shows no keys' } })
  await expect(refusing.agent.sign(Buffer.alloc(0), Buffer.alloc(0), 'ssh-ed25519')).rejects.toMatchObject({
    facts: { why: 'the agent refuses to sign' },
  })
  await expect(fakeAgent(() => sshString(sshByte(99))).agent.list()).rejects.toMatchObject({ code: 'wire/malformed' })
  await expect(fakeAgent(() => sshUint32(0x7fff_ffff)).agent.list()).rejects.toMatchObject({
    facts: { why: 'the agent says what nobody asked' },
  })
  const silent = fakeAgent(() => undefined)
  const waiting = silent.agent.list()
  silent.agent.close()
  await expect(waiting).rejects.toMatchObject({ code: 'ssh/agent' })
})
