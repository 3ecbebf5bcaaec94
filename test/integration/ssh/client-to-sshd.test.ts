import { createHash, randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CIPHERS, KEX_METHODS, MACS, type AlgorithmChoice } from '../../../electron/ssh/algorithms.ts'
import { checkHostCertificate } from '../../../electron/ssh/check-certificate.ts'
import { openSshClient, type SshClientOptions } from '../../../electron/ssh/open-ssh-client.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { sshString } from '../../../electron/wire/ssh-bytes.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { LOCAL_USER, openSshFolder, SSHD, startSshd, type OpenSshFolder, type Sshd } from '../../kit/openssh.ts'
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
  expect(sshd.told()).toContain('name is not a listed principal')
})
