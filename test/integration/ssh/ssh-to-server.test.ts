import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { AGENT_REQUEST, openForwardedAgent } from '../../../electron/ssh/agent-forwarding.ts'
import { CIPHERS, KEX_METHODS, MACS, type AlgorithmChoice } from '../../../electron/ssh/algorithms.ts'
import type { IncomingChannel } from '../../../electron/ssh/channel-open.ts'
import { checkUserCertificate } from '../../../electron/ssh/check-certificate.ts'
import { ServedForwards, serveTcpip } from '../../../electron/ssh/forwarding.ts'
import type { SshLimits } from '../../../electron/ssh/limits.ts'
import { serveSsh } from '../../../electron/ssh/serve-ssh.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { SshReader } from '../../../electron/wire/ssh-bytes.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { listen, openSshFolder, publicLine, run, SFTP_SERVER, SSH, type OpenSshFolder, type Ran } from '../../kit/openssh.ts'
import { certificateFor, KEY_KINDS, keyOf, type KeyKind } from '../../kit/ssh-pair.ts'

expectNoLeaks()

let folder: OpenSshFolder
beforeAll(() => {
  folder = openSshFolder()
  for (const kind of KEY_KINDS) {
    folder.writeKeys(`user-${kind}`, keyOf(kind, 'user'))
    folder.write(`user-${kind}-cert.pub`, certificateFor(keyOf(kind, 'user').publicKey, keyOf(kind, 'ca'), 'user'))
    folder.write(`known-${kind}`, `@cert-authority * ${publicLine(keyOf(kind, 'ca').publicKey)}\n`)
  }
})
afterAll(() => folder.remove())

/** A session as a small server offers it: `cat` and `fail` are built in, sftp is OpenSSH's own server program. */
function serveSession(incoming: IncomingChannel, connection: SshConnection<string>): void {
  const channel = incoming.accept()
  channel.onRequest(({ type, data }) => {
    const text = ['exec', 'subsystem'].includes(type) ? new SshReader(data).text() : ''
    if (type === 'env' || type === AGENT_REQUEST) return true
    if (type === 'subsystem' && text === 'sftp') {
      const child = spawn(SFTP_SERVER!, { stdio: 'pipe' })
      channel.pipe(child.stdin)
      child.stdout.pipe(channel, { end: false })
      child.on('close', code => channel.exit(code ?? 1))
      return true
    }
    if (type !== 'exec') return false
    if (text === 'cat') channel.pipe(channel, { end: false }).once('end', () => channel.exit(0))
    else if (text === 'agent')
      void openForwardedAgent(connection).then(async agent => {
        channel.write((await agent.list()).map(({ comment }) => comment).join(','))
        const [signer] = await agent.signers()
        channel.write(` ${(await signer!.sign(signer!.algorithms[0]!.replace('-cert-v01@openssh.com', ''), Buffer.from('x'))).length > 80}`)
        agent.close()
        channel.exit(0)
      })
    else {
      channel.write('out')
      channel.stderr.write('failed\n')
      channel.exit(text === 'die' ? 'TERM' : 3)
    }
    return true
  })
}

interface Served {
  readonly port: number
  readonly connections: SshConnection<string>[]
}

const open: { server: Server; connections: SshConnection<string>[] }[] = []
afterEach(async () => {
  for (const { server, connections } of open.splice(0)) {
    server.close()
    await Promise.all(connections.map(connection => connection.close()))
  }
})

async function serve(kind: KeyKind, options: { algorithms?: AlgorithmChoice; limits?: Partial<SshLimits> } = {}): Promise<Served> {
  const connections: SshConnection<string>[] = []
  const host = keyOf(kind, 'host')
  const certificate = certificateFor(host.publicKey, keyOf(kind, 'ca'), 'host', { principals: ['127.0.0.1'] })
  const { port, server } = await listen(socket => {
    let forwards: ServedForwards | undefined
    serveSsh<string>(socket, {
      hostKeys: [keySigner(host.privateKey, certificate)],
      authorize: (user, key) => {
        const from = socket.remoteAddress ?? ''
        return checkUserCertificate(key, { cas: [keyOf(kind, 'ca').publicKey], principal: user, now: Date.now(), from }).certificate.keyId
      },
      onChannel: (incoming, connection) => {
        if (incoming.type === 'session') return serveSession(incoming, connection)
        if (incoming.type === 'direct-tcpip') return serveTcpip(incoming, ({ target }) => dial(target.port))
        return incoming.reject('what is that', 3)
      },
      onGlobal: (name, data, connection) => {
        forwards ??= new ServedForwards(connection, { listen: listenForPeer })
        return forwards.answer(name, data) ?? false
      },
      log: NO_LOG,
      ...options,
    }).then(
      connection => connections.push(connection),
      () => {},
    )
  })
  open.push({ server, connections })
  return { port, connections }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  await once(socket, 'connect')
  return socket
}

async function listenForPeer(address: { port: number }, onConnection: (stream: Socket, origin: { host: string; port: number }) => void) {
  const server = createServer({ allowHalfOpen: true }, socket =>
    onConnection(socket, { host: socket.remoteAddress!, port: socket.remotePort! }),
  )
  server.listen(address.port, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

/** The first value of an option counts, so `more` come first. */
function sshOptions(kind: KeyKind, port: number, more: readonly string[] = []): string[] {
  const file = join(folder.path, `user-${kind}`)
  const options = [
    `CertificateFile=${file}-cert.pub`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    `UserKnownHostsFile=${join(folder.path, `known-${kind}`)}`,
  ]
  const strict = ['GlobalKnownHostsFile=none', 'StrictHostKeyChecking=yes', 'BatchMode=yes', 'LogLevel=ERROR']
  return ['-F', 'none', ...more, '-o', `Port=${port}`, '-i', file, ...[...options, ...strict].flatMap(option => ['-o', option])]
}

const ssh = (
  kind: KeyKind,
  port: number,
  command: string,
  { more = [], input, env }: { more?: string[]; input?: Buffer; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> => run(SSH!, [...sshOptions(kind, port, more), 'alice@127.0.0.1', command], input, env)

const needsSsh = test.skipIf(SSH === undefined)
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

needsSsh.each(KEY_KINDS)('ssh comes in with %s host and user certificates, and gets output, stderr and exit code', async kind => {
  const { port, connections } = await serve(kind)
  expect(await ssh(kind, port, 'fail')).toEqual({ code: 3, out: Buffer.from('out'), err: 'failed\n' })
  expect(connections[0]!.session).toBe('test')
  expect(connections[0]!.peerVersion).toContain('OpenSSH')
})

needsSsh('ssh learns that a program died of a signal', async () => {
  const { port } = await serve('ed25519')
  expect(await ssh('ed25519', port, 'die')).toMatchObject({ code: 255 })
})

const combinations: [string, AlgorithmChoice][] = [
  ...[...KEX_METHODS.keys()].map((kex): [string, AlgorithmChoice] => [kex, { kex: [kex] }]),
  ...[...CIPHERS.keys()].map((cipher, index): [string, AlgorithmChoice] => {
    const mac = [...MACS.keys()][index % 4]!
    return [`${cipher} (${mac})`, { ciphers: [cipher], macs: [mac] }]
  }),
]

needsSsh.each(combinations)('%s carries 3 MB to our server and back, with new keys from both sides', async (_, algorithms) => {
  const { port, connections } = await serve('ed25519', { algorithms, limits: { rekeyBytes: 1_100_000 } })
  const sent = randomBytes(3_000_000)
  const got = await ssh('ed25519', port, 'cat', { more: ['-o', 'RekeyLimit=700K'], input: sent })
  expect(got).toMatchObject({ code: 0, err: '' })
  expect(digest(got.out)).toBe(digest(sent))
  expect(connections[0]!.stats.rekeys).toBeGreaterThan(3)
})

test.skipIf(SSH === undefined || SFTP_SERVER === undefined)('scp copies to our server and back', async () => {
  const { port } = await serve('ecdsa-256')
  const [from, there, back] = ['from', 'there', 'back'].map(name => join(folder.path, name)) as [string, string, string]
  writeFileSync(from, randomBytes(2_000_000))
  const scp = (source: string, target: string): Promise<Ran> => run('scp', ['-q', ...sshOptions('ecdsa-256', port), source, target])
  expect(await scp(from, `alice@127.0.0.1:${there}`)).toMatchObject({ code: 0, err: '' })
  expect(await scp(`alice@127.0.0.1:${there}`, back)).toMatchObject({ code: 0, err: '' })
  expect(digest(readFileSync(back))).toBe(digest(readFileSync(from)))
})

needsSsh('somebody else is refused', async () => {
  const { port } = await serve('ed25519')
  const told = await run(SSH!, [...sshOptions('ed25519', port), 'bob@127.0.0.1', 'cat'])
  expect(told).toMatchObject({ code: 255, err: expect.stringContaining('Permission denied (publickey)') })
})

needsSsh('a program on our server uses the agent that ssh forwards', async () => {
  const { port } = await serve('rsa')
  const socket = join(folder.path, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(agent.stdout, 'data')
    const env = { ...process.env, SSH_AUTH_SOCK: socket }
    expect((await run('ssh-add', ['-q', join(folder.path, 'user-rsa')], undefined, env)).code).toBe(0)
    const told = await ssh('rsa', port, 'agent', { more: ['-A', '-o', 'IdentityAgent=SSH_AUTH_SOCK'], env })
    expect(told).toMatchObject({ code: 0, err: '' })
    expect(told.out.toString()).toMatch(/user-rsa.* true$/)
  } finally {
    agent.kill()
    await once(agent, 'close')
  }
})

async function echoServer(): Promise<{ port: number; close(): void }> {
  const server = createServer({ allowHalfOpen: true }, socket => void socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => server.close() }
}

needsSsh('ssh -W reaches a port through us, and is told when nobody listens there', async () => {
  const { port } = await serve('ed25519')
  const echo = await echoServer()
  const through = (target: number): Promise<Ran> =>
    run(
      SSH!,
      [...sshOptions('ed25519', port, ['-o', 'LogLevel=INFO', '-W', `127.0.0.1:${target}`]), 'alice@127.0.0.1'],
      Buffer.from('through'),
    )
  expect(await through(echo.port)).toMatchObject({ code: 0, out: Buffer.from('through') })
  echo.close()
  expect(await through(echo.port)).toMatchObject({ code: 255, err: expect.stringContaining('the connection could not be made') })
})

needsSsh('ssh -R lets our server listen, with half-close, and the port is free afterwards', async () => {
  const { port } = await serve('ed25519')
  const echo = await echoServer()
  const child = spawn(
    SSH!,
    [...sshOptions('ed25519', port, ['-o', 'LogLevel=INFO', '-N', '-R', `0:127.0.0.1:${echo.port}`]), 'alice@127.0.0.1'],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const [told] = (await once(child.stderr.setEncoding('utf8'), 'data')) as [string]
  const chosen = Number(/Allocated port (\d+)/.exec(told)![1])
  const socket = await dial(chosen)
  socket.end('round')
  let got = ''
  for await (const part of socket) got += part
  expect(got).toBe('round')
  child.kill()
  await once(child, 'close')
  echo.close()
  await expect
    .poll(() =>
      dial(chosen).then(
        () => 'open',
        () => 'closed',
      ),
    )
    .toBe('closed')
})
