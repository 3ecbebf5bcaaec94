import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import ssh2, { type Connection as Ssh2Connection, type ServerChannel } from 'ssh2'
import { afterEach, expect, test } from 'vitest'
import { openDirectTcpip, requestForward } from '../../../electron/ssh/forwarding.ts'
import { decodeForwardedConnection } from '../../../electron/ssh/messages/forwarding-messages.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { fitsAlgorithm } from '../../../electron/ssh/public-key.ts'
import { serveSsh } from '../../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { sshString } from '../../../electron/wire/ssh-bytes.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { listen } from '../../kit/openssh.ts'
import { keyOf, readAll } from '../../kit/ssh-pair.ts'

/** npm ssh2, as a second implementation that is not OpenSSH: plain keys only, for it knows no certificates. */

expectNoLeaks()

const pem = (kind: 'rsa' | 'ecdsa-256' | 'ecdsa-521', name: string): string => {
  const { privateKey } = keyOf(kind, name)
  return kind === 'rsa'
    ? privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
    : privateKey.export({ type: 'sec1', format: 'pem' }).toString()
}
// What it offers by default includes finite-field DH, which Electron's runtime makes slow.
const kex = ['curve25519-sha256', 'ecdh-sha2-nistp256', 'ecdh-sha2-nistp384', 'ecdh-sha2-nistp521'] as const
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const KINDS = ['rsa', 'ecdsa-256', 'ecdsa-521'] as const

const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

async function startSsh2Server(kind: (typeof KINDS)[number], onSession: (client: Ssh2Connection) => void): Promise<number> {
  const server = new ssh2.Server({ hostKeys: [pem(kind, 'host')], algorithms: { kex: [...kex] } }, client => {
    client.on('authentication', context =>
      context.method === 'publickey' && context.username === 'alice' ? context.accept() : context.reject(['publickey']),
    )
    client.on('error', () => {})
    onSession(client)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => once(server.close(), 'close'))
  return (server.address() as { port: number }).port
}

async function signIn(
  port: number,
  kind: (typeof KINDS)[number],
  more: { onChannel?: NonNullable<Parameters<typeof openSshClient>[1]['onChannel']> } = {},
): Promise<SshConnection> {
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  const connection = await openSshClient(socket, {
    verifyHost: key => expect(fitsAlgorithm(key, kind === 'rsa' ? 'rsa-sha2-512' : key.type)).toBe(true),
    user: 'alice',
    identities: [keySigner(keyOf(kind, 'user').privateKey)],
    log: NO_LOG,
    limits: { rekeyBytes: 400_000 },
    ...more,
  })
  closing.push(() => connection.close())
  return connection
}

test.each(KINDS)('our client on an ssh2 server with %s keys: exec, stderr, exit code, echo with new keys', async kind => {
  const port = await startSsh2Server(kind, client =>
    client.on('session', accept =>
      accept().on('exec', (acceptExec, _reject, { command }) => {
        const channel: ServerChannel = acceptExec()
        if (command === 'cat') return channel.pipe(channel)
        channel.stderr.write('oops')
        channel.exit(7)
        channel.end('out')
      }),
    ),
  )
  const connection = await signIn(port, kind)
  const exec = async (command: string, input: Buffer) => {
    const channel = await connection.open('session')
    expect(await channel.request('exec', sshString(command))).toBe(true)
    channel.end(input)
    return Promise.all([readAll(channel), readAll(channel.stderr), channel.exited])
  }
  expect(await exec('x', Buffer.alloc(0))).toEqual([Buffer.from('out'), Buffer.from('oops'), { kind: 'code', code: 7 }])
  const sent = randomBytes(2_000_000)
  expect(digest((await exec('cat', sent))[0])).toBe(digest(sent))
  expect(connection.stats.rekeys).toBeGreaterThan(2)
})

test('forwarding through an ssh2 server, both ways', async () => {
  const port = await startSsh2Server('ecdsa-256', client => {
    client.on('tcpip', (accept, _reject, { destIP, destPort }) => {
      const channel = accept()
      channel.write(`${destIP}:${destPort} `)
      channel.pipe(channel)
    })
    client.on('request', (accept, _reject, name) => {
      if (name !== 'tcpip-forward') return
      accept!(4022)
      client.forwardOut('0.0.0.0', 4022, '10.0.0.9', 1234, (_, channel) => channel.end('knock'))
    })
  })
  let knocked: (text: string) => void = () => {}
  const knock = new Promise<string>(resolve => (knocked = resolve))
  const connection = await signIn(port, 'ecdsa-256', {
    onChannel: async incoming => {
      const { target, origin } = decodeForwardedConnection(incoming.data)
      knocked(`${target.port} from ${origin.host}: ${await readAll(incoming.accept())}`)
    },
  })
  const channel = await openDirectTcpip(connection, { host: 'db.test', port: 5432 })
  channel.end('hello')
  expect((await readAll(channel)).toString()).toBe('db.test:5432 hello')
  expect(await requestForward(connection, { host: '0.0.0.0', port: 0 })).toBe(4022)
  expect(await knock).toBe('4022 from 10.0.0.9: knock')
})

test.each(KINDS)('an ssh2 client on our server with %s keys: exec, exit code, echo with new keys, refused channel', async kind => {
  const host = keySigner(keyOf(kind, 'host').privateKey)
  const served: SshConnection<string>[] = []
  const { port, server } = await listen(socket => {
    void serveSsh(socket, {
      hostKeys: [host],
      authorize: (user, key) => `${user} ${key.type}`,
      onChannel: incoming => {
        if (incoming.type !== 'session') return incoming.reject('only sessions here')
        const channel = incoming.accept()
        channel.onRequest(({ type }) => {
          if (type !== 'exec') return false
          channel.pipe(channel, { end: false }).once('end', () => channel.exit(5))
          return true
        })
      },
      limits: { rekeyBytes: 400_000 },
      log: NO_LOG,
    }).then(connection => served.push(connection))
  })
  closing.push(() => server.close())
  const client = new ssh2.Client()
  client.connect({
    host: '127.0.0.1',
    port,
    username: 'alice',
    privateKey: pem(kind, 'user'),
    algorithms: { kex: [...kex] },
    hostVerifier: (key: Buffer) => key.equals(host.blob),
  })
  await once(client, 'ready')
  const sent = randomBytes(2_000_000)
  const [got, code] = await new Promise<[Buffer, number]>((resolve, reject) => {
    client.exec('cat', (failed, channel) => {
      if (failed) return reject(failed)
      const exited = once(channel, 'exit')
      channel.end(sent)
      void readAll(channel).then(async bytes => resolve([bytes, (await exited)[0] as number]))
    })
  })
  expect(digest(got)).toBe(digest(sent))
  expect(code).toBe(5)
  expect(served[0]!.stats.rekeys).toBeGreaterThan(2)
  const refused = await new Promise<Error | undefined>(resolve => client.forwardOut('a', 1, 'b', 2, failed => resolve(failed)))
  expect(refused?.message).toContain('only sessions here')
  client.end()
  await served[0]!.closed
})
