import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import type { ChannelListener } from '../../../electron/ssh/channel-open.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { serveSsh } from '../../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshChannel } from '../../../electron/ssh/ssh-channel.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { keyOf, openPair, readAll, type Pair, type PairOptions } from '../../kit/ssh-pair.ts'

const open: Pair[] = []
async function pair(options?: PairOptions): Promise<Pair> {
  const made = await openPair(options)
  open.push(made)
  return made
}
afterEach(async () => {
  await Promise.all(open.splice(0).flatMap(({ client, server }) => [client.close(), server.close()]))
})

const echo: ChannelListener<SshConnection<string>> = ({ accept }) => {
  const channel = accept()
  channel.pipe(channel)
}

/** A pair with one channel: the client's end, and the server's. */
async function pairWithChannel(options: PairOptions = {}): Promise<Pair & { near: SshChannel; far: SshChannel }> {
  let far: SshChannel | undefined
  const made = await pair({ ...options, server: { onChannel: incoming => void (far = incoming.accept()), ...options.server } })
  const near = await made.client.open('test')
  return { ...made, near, far: far! }
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

test('signs in and echoes with half-close: the end of one way leaves the other open', async () => {
  const { client, server } = await pair({ server: { onChannel: echo } })
  expect(server.user).toBe('alice')
  expect(server.session).toBe('session of alice')
  expect(client.peerVersion).toBe('SSH-2.0-Portico')
  const channel = await client.open('test')
  channel.end('hello')
  expect((await readAll(channel)).toString()).toBe('hello')
  await vi.waitFor(() => expect(client.stats.channels).toBe(0))
})

test('carries 10 MB both ways at once while new keys are made every 300 kB', async () => {
  const { client, server } = await pair({ server: { onChannel: echo, limits: { rekeyBytes: 300_000 } } })
  const channel = await client.open('test')
  const sent = randomBytes(10_000_000)
  const [got] = await Promise.all([readAll(channel), Promise.resolve(channel.end(sent))])
  expect(digest(got)).toBe(digest(sent))
  expect(server.stats.rekeys).toBeGreaterThan(30)
  expect(client.stats.rekeys).toBe(server.stats.rekeys)
})

test('both sides may ask for new keys at the same moment', async () => {
  const { client, server } = await pair({ server: { onChannel: echo } })
  for (let round = 0; round < 5; round++) await Promise.all([client.rekey(), server.rekey()])
  expect(client.stats.rekeys).toBe(5)
  const channel = await client.open('test')
  channel.end('still here')
  expect((await readAll(channel)).toString()).toBe('still here')
})

test('new keys are made after a while, also when nothing is said', async () => {
  const { client } = await pair({ client: { limits: { rekeyMs: 20 } } })
  await vi.waitFor(() => expect(client.stats.rekeys).toBeGreaterThan(2))
})

test('a writer stops at the window, and goes on when the reader reads', async () => {
  const { near, far } = await pairWithChannel({ server: { limits: { windowBytes: 256 * 1024 } } })
  let done = false
  near.write(randomBytes(1_000_000), () => (done = true))
  await new Promise(resolve => setTimeout(resolve, 50))
  expect(done).toBe(false)
  // The window, and what a stream reads ahead.
  expect(far.readableLength).toBeLessThanOrEqual(2 * 256 * 1024)
  near.end()
  expect((await readAll(far)).length).toBe(1_000_000)
  expect(done).toBe(true)
})

test('a channel that nobody reads does not stop another one', async () => {
  const { client } = await pair({
    server: { onChannel: incoming => (incoming.type === 'deaf' ? void incoming.accept() : echo(incoming, undefined!)) },
  })
  const deaf = await client.open('deaf')
  deaf.write(Buffer.alloc(8_000_000))
  const channel = await client.open('test')
  channel.end('heard')
  expect((await readAll(channel)).toString()).toBe('heard')
})

test('stderr is its own stream in both directions', async () => {
  const { near, far } = await pairWithChannel()
  far.stderr.write('warning')
  far.write('result')
  near.stderr.write('odd but allowed')
  expect(String((await once(near.stderr, 'data'))[0])).toBe('warning')
  expect(String((await once(near, 'data'))[0])).toBe('result')
  expect(String((await once(far.stderr, 'data'))[0])).toBe('odd but allowed')
})

test('stderr that nobody asked for is kept, and never stops the data', async () => {
  const { near, far } = await pairWithChannel()
  far.stderr.end('no such node')
  await once(far.stderr, 'finish')
  far.stderr.on('error', () => {})
  const noise = Buffer.alloc(8_000_000, 'x')
  const { near: loud, far: shouting } = await pairWithChannel()
  shouting.stderr.write(noise, () => shouting.end('data'))
  expect((await readAll(loud)).toString()).toBe('data')
  expect((await readAll(loud.stderr)).length).toBe(64 * 1024)
  far.close()
  expect((await readAll(near)).length).toBe(0)
  expect((await readAll(near.stderr)).toString()).toBe('no such node')
})

test('replies come in the order of the requests, whatever their answers take', async () => {
  const { near, far } = await pairWithChannel()
  const order: string[] = []
  far.onRequest(async ({ type, data }) => {
    await new Promise(resolve => setTimeout(resolve, Number(data.toString())))
    order.push(type)
    return type !== 'b'
  })
  const answers = await Promise.all([
    near.request('a', Buffer.from('20')),
    near.request('b', Buffer.from('1')),
    near.request('c', Buffer.from('5')),
  ])
  expect(answers).toEqual([true, false, true])
  expect(order).toEqual(['a', 'b', 'c'])
})

test('global requests have one line of replies, with payloads', async () => {
  const { client, server } = await pair({
    server: {
      onGlobal: async (name, data) => {
        await new Promise(resolve => setTimeout(resolve, name === 'slow' ? 20 : 0))
        if (name === 'throws') throw new Error('no')
        return name === 'refuse' ? false : name === 'plain' ? true : Buffer.concat([Buffer.from(name), data])
      },
    },
  })
  const names = ['slow', 'refuse', 'throws', 'plain', 'quick']
  const answers = await Promise.all(names.map(name => client.global(name, Buffer.from('!'))))
  expect(answers.map(String)).toEqual(['slow!', 'false', 'false', '', 'quick!'])
  client.notifyGlobal('plain')
  expect(await server.global('anything')).toBe(false)
})

test('requests that come before somebody listens wait', async () => {
  let accept: () => SshChannel
  const { client } = await pair({ server: { onChannel: incoming => void (accept = incoming.accept) } })
  const opening = client.open('test')
  await new Promise(resolve => setTimeout(resolve, 20))
  const far = accept!()
  const near = await opening
  const asked = near.request('exec', Buffer.from('id'))
  near.notify('ping')
  await new Promise(resolve => setTimeout(resolve, 20))
  const seen: string[] = []
  far.onRequest(({ type, wantReply }) => seen.push(`${type} ${wantReply}`) > 0)
  expect(await asked).toBe(true)
  expect(seen).toEqual(['exec true', 'ping false'])
})

test('a program ends with its code, after all that it wrote', async () => {
  const { near, far } = await pairWithChannel()
  far.write(Buffer.alloc(3_000_000))
  far.stderr.write('bye')
  far.exit(7)
  expect((await readAll(near)).length).toBe(3_000_000)
  expect(await near.exited).toEqual({ kind: 'code', code: 7 })
  expect((await readAll(near.stderr)).toString()).toBe('bye')
  const second = await pairWithChannel()
  second.far.exit('TERM')
  second.near.resume()
  expect(await second.near.exited).toEqual({ kind: 'signal', signal: 'TERM', text: '' })
})

test('a channel that is closed answers what was asked with no, and takes nothing more', async () => {
  const { client, near, far } = await pairWithChannel()
  const asked = near.request('never answered')
  far.destroy()
  expect(await asked).toBe(false)
  expect(await near.exited).toBeUndefined()
  near.resume()
  if (!near.closed) await once(near, 'close')
  expect(await near.request('too late')).toBe(false)
  await vi.waitFor(() => expect(client.stats.channels).toBe(0))
})

test('a channel may be refused, with reason and text', async () => {
  const { client, server } = await pair({ server: { onChannel: ({ reject }) => reject('not for\u001b[31m you', 1) } })
  await expect(client.open('secret')).rejects.toMatchObject({
    code: 'ssh/channel-refused',
    facts: { type: 'secret', reason: 1, why: 'not for [31m you' },
  })
  await expect(server.open('anything')).rejects.toMatchObject({ code: 'ssh/channel-refused', facts: { reason: 3 } })
})

test('a channel whose owner fails is refused', async () => {
  const { client } = await pair({
    server: {
      onChannel: ({ type }) => {
        if (type === 'sync') throw new Error('boom')
        return Promise.reject(new Error('boom'))
      },
    },
  })
  for (const type of ['sync', 'async'])
    await expect(client.open(type)).rejects.toMatchObject({ code: 'ssh/channel-refused', facts: { reason: 2 } })
})

test('channels have a limit for each connection, on both sides of it', async () => {
  const { client } = await pair({
    server: { onChannel: ({ accept }) => void accept(), limits: { channels: 3 } },
    client: { limits: { channels: 5 } },
  })
  await Promise.all([client.open('a'), client.open('b'), client.open('c')])
  await expect(client.open('d')).rejects.toMatchObject({ facts: { reason: 4, why: 'too many channels are open' } })
  const other = await pair({ server: { onChannel: echo }, client: { limits: { channels: 1 } } })
  await other.client.open('a')
  await expect(other.client.open('b')).rejects.toMatchObject({ code: 'ssh/channel-refused' })
})

test('opening can be cancelled; a channel that comes late is closed', async () => {
  let accept: (() => SshChannel) | undefined
  const { client } = await pair({ server: { onChannel: incoming => void (accept = incoming.accept) } })
  const cancel = new AbortController()
  const opening = client.open('slow', { signal: cancel.signal })
  await new Promise(resolve => setTimeout(resolve, 20))
  cancel.abort()
  await expect(opening).rejects.toMatchObject({ code: 'app/cancelled' })
  await expect(client.open('x', { signal: cancel.signal })).rejects.toMatchObject({ code: 'app/cancelled' })
  const late = accept!()
  late.resume()
  await once(late, 'close')
  await vi.waitFor(() => expect(client.stats.channels).toBe(0))
})

test('closing tells the other side, and ends every channel and question', async () => {
  const { client, server, near, far } = await pairWithChannel()
  const asked = expect(far.request('anything')).rejects.toMatchObject({ code: 'ssh/disconnected' })
  const global = expect(server.global('anything').then(() => server.global('never'))).rejects.toMatchObject({ code: 'ssh/disconnected' })
  await Promise.all([client.close(), client.close()])
  expect(await client.closed).toBeUndefined()
  expect(await server.closed).toMatchObject({ code: 'ssh/disconnected', facts: { reason: 11 } })
  await Promise.all([asked, global])
  expect(near.destroyed && far.destroyed).toBe(true)
  await expect(client.open('x')).rejects.toMatchObject({ code: 'ssh/disconnected' })
  await expect(client.global('x')).rejects.toMatchObject({ code: 'ssh/disconnected' })
  await client.rekey()
})

test('a cut wire ends both sides with its cause, in the middle of a transfer and of a rekey', async () => {
  const { client, server, wire, near, far } = await pairWithChannel()
  far.resume()
  near.write(Buffer.alloc(5_000_000))
  void client.rekey()
  const failed = once(near, 'error')
  setTimeout(() => wire.cut(), 5)
  expect(await client.closed).toMatchObject({ code: 'ssh/disconnected', facts: { why: 'the connection broke' } })
  expect(await server.closed).toMatchObject({ code: 'ssh/disconnected' })
  expect((await failed)[0]).toMatchObject({ code: 'ssh/disconnected' })
})

test('the end of the stream without a goodbye is told as such', async () => {
  const { client, wire } = await pair()
  wire.server.end()
  expect(await client.closed).toMatchObject({ code: 'ssh/disconnected', facts: { why: 'the connection ended' } })
})

test('a hundred channels share the connection', async () => {
  const { client } = await pair({ server: { onChannel: echo, limits: { rekeyBytes: 200_000 } } })
  const texts = Array.from({ length: 100 }, (_, index) => `${index} `.repeat(2000))
  const answers = await Promise.all(
    texts.map(async text => {
      const channel = await client.open('test')
      channel.end(text)
      return (await readAll(channel)).toString()
    }),
  )
  expect(answers).toEqual(texts)
})

test('a connection runs inside a channel of another one, with half-close and new keys in both', async () => {
  let inner: Promise<SshConnection<string>> | undefined
  const outer = await pair({
    server: {
      limits: { rekeyBytes: 500_000 },
      onChannel: ({ accept }) => {
        inner = serveSsh(accept(), {
          hostKeys: [keySigner(keyOf('ecdsa-256', 'inner').privateKey)],
          authorize: user => user,
          onChannel: echo,
          log: NO_LOG,
          limits: { rekeyBytes: 300_000 },
        })
      },
    },
  })
  const stream = await outer.client.open('teleport-transport')
  const near = await openSshClient(stream, {
    verifyHost: () => {},
    user: 'bob',
    identities: [keySigner(keyOf('ed25519', 'user').privateKey)],
    log: NO_LOG,
  })
  const far = await inner!
  expect(far.session).toBe('bob')
  const channel = await near.open('session')
  const sent = randomBytes(3_000_000)
  channel.end(sent)
  expect(digest(await readAll(channel))).toBe(digest(sent))
  expect(near.stats.rekeys).toBeGreaterThan(3)
  await near.close()
  expect(await far.closed).toMatchObject({ code: 'ssh/disconnected', facts: { reason: 11 } })
  await vi.waitFor(() => expect(outer.client.stats.channels).toBe(0))
})

test('the reverse tunnel: reply by request, reason on stderr, then the channel is the connection', async () => {
  const { client, server } = await pair({
    client: {
      onChannel: ({ type, accept, reject }) => {
        if (type !== 'teleport-transport') return reject('this is not an SSH server for people', 3)
        const channel = accept()
        channel.stderr.write(' ')
        channel.onRequest(async ({ type: request, data }) => {
          if (request !== 'teleport-transport-dial') return false
          const { address } = JSON.parse(data.toString()) as { address: string }
          if (address === '@local-node') return channel.pipe(channel) === channel
          channel.stderr.end(`failed connecting to ${address}`)
          channel.close()
          return false
        })
      },
      onGlobal: name => (name === 'x-teleport-version' ? Buffer.from('13.0.0') : name === 'reconnect@goteleport.com'),
    },
  })
  const dial = async (address: string): Promise<SshChannel | string> => {
    const channel = await server.open('teleport-transport')
    if (await channel.request('teleport-transport-dial', Buffer.from(JSON.stringify({ address })))) return channel
    return (await readAll(channel.stderr)).toString().trim()
  }
  const reached = (await dial('@local-node')) as SshChannel
  reached.end('hello')
  expect((await readAll(reached)).toString()).toBe('hello')
  expect(await dial('nowhere:1')).toBe('failed connecting to nowhere:1')
  await expect(server.open('session')).rejects.toMatchObject({ facts: { reason: 3, why: 'this is not an SSH server for people' } })
  expect(String(await server.global('x-teleport-version'))).toBe('13.0.0')
  expect(await server.global('reconnect@goteleport.com')).toHaveLength(0)
  expect(await server.global('keepalive@openssh.com')).toBe(false)
  expect(client.stats.channels).toBe(0)
})
