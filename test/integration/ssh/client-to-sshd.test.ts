import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, connect, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CIPHERS, KEX_METHODS, MACS, type AlgorithmChoice } from '../../../electron/ssh/algorithms.ts'
import { AGENT_CHANNEL, forwardAgent, serveAgentChannel } from '../../../electron/ssh/agent-forwarding.ts'
import { checkHostCertificate } from '../../../electron/ssh/check-certificate.ts'
import { cancelForward, openDirectTcpip, requestForward, serveTcpip } from '../../../electron/ssh/forwarding.ts'
import { openKeyAgent } from '../../../electron/ssh/ssh-key-agent.ts'
import { openSshClient, type SshClientOptions } from '../../../electron/ssh/open-ssh-client.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { sshString } from '../../../electron/wire/ssh-bytes.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { LOCAL_USER, openSshFolder, run, SSHD, startSshd, type OpenSshFolder, type Sshd } from '../../kit/openssh.ts'
import { KEY_KINDS, keyOf, readAll, type KeyKind } from '../../kit/ssh-pair.ts'

expectNoLeaks()

let folder: OpenSshFolder
const userCertificates = new Map<KeyKind, string>()
const hostOptions = new Map<KeyKind, string[]>()

beforeAll(() => {
  folder = openSshFolder()
  for (const kind of KEY_KINDS) {
    const ca = folder.writeKeys(`ca-${kind}`, keyOf(kind, 'ca'))
    const host = folder.writeKeys(`host-${kind}`, keyOf(kind, 'host'))
    const user = folder.writeKeys(`user-${kind}`, keyOf(kind, 'user'))
    if (SSHD === undefined) continue
    userCertificates.set(kind, folder.certify(user, ca, 'user', LOCAL_USER).line)
    hostOptions.set(kind, [
      `HostKey=${host}`,
      `HostCertificate=${folder.certify(host, ca, 'host', 'node.test,127.0.0.1').file}`,
      `TrustedUserCAKeys=${ca}.pub`,
    ])
  }
})
afterAll(() => folder.remove())

async function signIn(sshd: Sshd, kind: KeyKind, options: Partial<SshClientOptions> = {}): Promise<SshConnection> {
  return openSshClient(await sshd.connect(), {
    verifyHost: key => void checkHostCertificate(key, { cas: [keyOf(kind, 'ca').publicKey], principal: 'node.test', now: Date.now() }),
    user: LOCAL_USER,
    identities: [keySigner(keyOf(kind, 'user').privateKey, userCertificates.get(kind)!)],
    log: NO_LOG,
    ...options,
  })
}

async function runCommand(connection: SshConnection, command: string, input?: Buffer) {
  const channel = await connection.open('session')
  const granted = await channel.request('exec', sshString(command))
  channel.end(input)
  const [out, err, exit] = await Promise.all([readAll(channel), readAll(channel.stderr), channel.exited])
  return { granted, out, err: err.toString(), exit }
}

const needsSshd = test.skipIf(SSHD === undefined)

needsSshd.each(KEY_KINDS)('signs in to sshd with %s host and user certificates, and runs a command', async kind => {
  const sshd = await startSshd(hostOptions.get(kind)!)
  const connection = await signIn(sshd, kind)
  expect(connection.hostKey!.certificate).toBeDefined()
  expect(await runCommand(connection, 'cat; echo oops >&2; exit 7', Buffer.from('hello'))).toMatchObject({
    granted: true,
    out: Buffer.from('hello'),
    err: 'oops\n',
    exit: { kind: 'code', code: 7 },
  })
  expect(await runCommand(connection, 'kill -TERM $$')).toMatchObject({ exit: { kind: 'signal', signal: 'TERM' } })
  expect(await connection.global('nosuch@example.test')).toBe(false)
  await connection.close()
  await sshd.close()
})

const combinations: [string, AlgorithmChoice][] = [
  ...[...KEX_METHODS.keys()].map((kex): [string, AlgorithmChoice] => [kex, { kex: [kex] }]),
  ...[...CIPHERS].filter(([, { aead }]) => aead).map(([cipher]): [string, AlgorithmChoice] => [cipher, { ciphers: [cipher] }]),
  ...[...MACS.keys()].map((mac, index): [string, AlgorithmChoice] => {
    const cipher = ['aes128-ctr', 'aes192-ctr', 'aes256-ctr'][index % 3]!
    return [`${cipher} with ${mac}`, { ciphers: [cipher], macs: [mac] }]
  }),
]

needsSshd.each(combinations)('%s carries 3 MB there and back, with new keys from both sides', async (_, algorithms) => {
  const sshd = await startSshd([...hostOptions.get('ed25519')!, 'RekeyLimit=700K'])
  const connection = await signIn(sshd, 'ed25519', { algorithms, limits: { rekeyBytes: 1_100_000 } })
  const sent = randomBytes(3_000_000)
  const { out } = await runCommand(connection, 'cat', sent)
  expect(createHash('sha256').update(out).digest('hex')).toBe(createHash('sha256').update(sent).digest('hex'))
  expect(connection.stats.rekeys).toBeGreaterThan(3)
  await connection.close()
  await sshd.close()
})

needsSshd('sshd refuses a certificate for somebody else, and says so', async () => {
  const sshd = await startSshd(hostOptions.get('ed25519')!)
  await expect(signIn(sshd, 'ed25519', { user: 'nobody' })).rejects.toMatchObject({
    code: 'ssh/login-refused',
    facts: { user: 'nobody', methods: expect.arrayContaining(['publickey']) },
  })
  await expect(signIn(sshd, 'ed25519', { identities: [] })).rejects.toMatchObject({
    code: 'ssh/login-refused',
    facts: { why: 'there is no key to sign in with' },
  })
  await expect(signIn(sshd, 'rsa')).rejects.toMatchObject({
    code: 'ssh/host-refused',
    facts: { why: 'the certificate was signed by an unknown authority' },
  })
  await sshd.close()
  // Without root, sshd cannot tell whether another account is locked, and takes it for so before it looks at the certificate.
  expect(sshd.told()).toMatch(/name is not a listed principal|not allowed because account is locked/)
})

needsSshd('an agent signs us in with its certificate, and is forwarded to programs there', async () => {
  const socket = join(folder.path, 'agent')
  const child = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'inherit'] })
  try {
    await once(child.stdout, 'data')
    const files = [join(folder.path, 'user-ecdsa-384'), join(folder.path, 'user-rsa')]
    expect((await run('ssh-add', ['-q', ...files], undefined, { ...process.env, SSH_AUTH_SOCK: socket })).code).toBe(0)
    const sshd = await startSshd(hostOptions.get('rsa')!)
    const agent = openKeyAgent(socket)
    const connection = await signIn(sshd, 'rsa', {
      identities: () => agent.signers(),
      onChannel: incoming => (incoming.type === AGENT_CHANNEL ? serveAgentChannel(incoming, socket) : incoming.reject('no')),
    })
    agent.close()
    const session = await connection.open('session')
    expect(await forwardAgent(session)).toBe(true)
    expect(await session.request('exec', sshString('ssh-add -L'))).toBe(true)
    session.end()
    const listed = (await readAll(session)).toString()
    expect(listed).toContain(userCertificates.get('rsa')!.split(' ')[1])
    expect(listed.trim().split('\n')).toHaveLength(4)
    await connection.close()
    await sshd.close()
  } finally {
    child.kill()
    await once(child, 'close')
  }
})

needsSshd('forwarding through sshd, both ways', async () => {
  const echo = createServer({ allowHalfOpen: true }, socket => void socket.pipe(socket)).listen(0, '127.0.0.1')
  await once(echo, 'listening')
  const echoPort = (echo.address() as AddressInfo).port
  const dial = async (port: number) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    await once(socket, 'connect')
    return socket
  }
  const sshd = await startSshd(hostOptions.get('ed25519')!)
  const connection = await signIn(sshd, 'ed25519', { onChannel: incoming => serveTcpip(incoming, () => dial(echoPort)) })
  const channel = await openDirectTcpip(connection, { host: '127.0.0.1', port: echoPort })
  channel.end('to')
  expect((await readAll(channel)).toString()).toBe('to')
  const nobody = createServer().listen(0, '127.0.0.1')
  await once(nobody, 'listening')
  const { port: free } = nobody.address() as AddressInfo
  await once(nobody.close(), 'close')
  await expect(openDirectTcpip(connection, { host: '127.0.0.1', port: free })).rejects.toMatchObject({
    code: 'ssh/channel-refused',
    facts: { reason: 2, why: expect.stringContaining('refused') },
  })
  const port = await requestForward(connection, { host: '127.0.0.1', port: 0 })
  const socket = await dial(port)
  socket.end('fro')
  expect((await readAll(socket)).toString()).toBe('fro')
  expect(await cancelForward(connection, { host: '127.0.0.1', port })).toBe(true)
  expect(await cancelForward(connection, { host: '127.0.0.1', port })).toBe(false)
  await connection.close()
  await sshd.close()
  echo.close()
})
