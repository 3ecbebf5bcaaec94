import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { checkHostCertificate, checkUserCertificate } from '../../../electron/ssh/check-certificate.ts'
import { sshFailure } from '../../../electron/ssh/failures.ts'
import { decodePublicKey } from '../../../electron/ssh/public-key.ts'
import { keySigner, type SshSigner } from '../../../electron/ssh/signer.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { sshString } from '../../../electron/wire/ssh-bytes.ts'
import { signSsh } from '../../../electron/wire/ssh-signature.ts'
import {
  certificateFor,
  KEY_KINDS,
  keyOf,
  openPair,
  openWire,
  type CertificateWish,
  type KeyKind,
  type Pair,
  type PairOptions,
} from '../../kit/ssh-pair.ts'

const CA = keyOf('ed25519', 'ca')
const OTHER_CA = keyOf('ed25519', 'other ca')
const NOW = 1_700_000_000_000
const SECONDS = BigInt(NOW / 1000)

const userSigner = (wish: CertificateWish = {}, ca = CA, kind: 'user' | 'host' = 'user'): SshSigner => {
  const { publicKey, privateKey } = keyOf('ed25519', 'user')
  return keySigner(privateKey, certificateFor(publicKey, ca, kind, wish))
}
const hostSigner = (wish: CertificateWish = {}, ca = CA, kind: 'user' | 'host' = 'host'): SshSigner => {
  const { publicKey, privateKey } = keyOf('ed25519', 'host')
  return keySigner(privateKey, certificateFor(publicKey, ca, kind, { principals: ['node.test'], ...wish }))
}

const verifyHost: NonNullable<PairOptions['client']>['verifyHost'] = key =>
  void checkHostCertificate(key, { cas: [CA.publicKey], principal: 'node.test', now: NOW })

async function closing(pair: Promise<Pair>): Promise<Pair> {
  const made = await pair
  await made.client.close()
  return made
}

/** What the user reads; the other side of the pair must have ended as well. */
async function refusal(options: PairOptions): Promise<{ code: string; why: unknown }> {
  try {
    await closing(openPair(options))
  } catch (thrown) {
    const { both, code, facts } = thrown as { both: PromiseSettledResult<unknown>[]; code: string; facts: { why?: unknown } }
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    return { code, why: facts.why }
  }
  throw new Error('it was let in')
}

test('a host certificate opens the door', async () => {
  const { client } = await closing(openPair({ client: { verifyHost }, server: { hostKeys: [hostSigner()] } }))
  expect(client.hostKey!.certificate!.principals).toEqual(['node.test'])
  expect(client.agreement.hostKey).toBe('ssh-ed25519-cert-v01@openssh.com')
})

const HOST_REFUSALS: [string, SshSigner, string][] = [
  ['a plain key', keySigner(keyOf('ed25519', 'host').privateKey), 'a certificate is needed, but a plain key was shown'],
  ['a user certificate', hostSigner({}, CA, 'user'), 'the certificate is for a user, not for a host'],
  ['an unknown authority', hostSigner({}, OTHER_CA), 'the certificate was signed by an unknown authority'],
  ['an early certificate', hostSigner({ validAfter: SECONDS + 1n }), 'the certificate is not valid yet'],
  ['a late certificate', hostSigner({ validBefore: SECONDS }), 'the certificate has expired'],
  ['no names', hostSigner({ principals: [] }), 'the certificate names nobody'],
  ['another name', hostSigner({ principals: ['elsewhere.test'] }), 'node.test is not in the certificate'],
  ['a critical option', hostSigner({ criticalOptions: new Map([['odd', '']]) }), 'the certificate has the unknown critical option odd'],
]

test.each(HOST_REFUSALS)('a server with %s is refused with its own text', async (_, hostKey, why) => {
  expect(await refusal({ client: { verifyHost }, server: { hostKeys: [hostKey] } })).toEqual({ code: 'ssh/host-refused', why })
})

test('a server that does not have the key of its certificate is refused', async () => {
  const stolen = {
    ...hostSigner(),
    sign: (algorithm: string, bytes: Buffer) => signSsh(keyOf('ed25519', 'thief').privateKey, algorithm, bytes),
  }
  expect(await refusal({ client: { verifyHost }, server: { hostKeys: [stolen] } })).toEqual({
    code: 'ssh/host-refused',
    why: 'the server does not have the key that it shows',
  })
})

test('a person may take time to say no to a server', async () => {
  const slowNo = async (): Promise<void> => {
    await new Promise(resolve => setTimeout(resolve, 80))
    throw new Error('I do not know this server')
  }
  expect(await refusal({ client: { verifyHost: slowNo, limits: { loginMs: 60 } } })).toEqual({
    code: 'ssh/host-refused',
    why: 'I do not know this server',
  })
})

const authorize = (user: string, key: Parameters<typeof checkUserCertificate>[0]): string =>
  checkUserCertificate(key, { cas: [CA.publicKey], principal: user, now: NOW, from: '10.1.2.3' }).forceCommand ?? 'any'

test('a user certificate opens the door; its forced command is handed on', async () => {
  const criticalOptions = new Map([
    ['force-command', 'backup'],
    ['source-address', '192.168.0.1,10.0.0.0/8'],
  ])
  const { server } = await closing(openPair({ client: { identities: [userSigner({ criticalOptions })] }, server: { authorize } }))
  expect(server.session).toBe('backup')
})

const USER_REFUSALS: [string, SshSigner, string][] = [
  ['a plain key', keySigner(keyOf('ed25519', 'user').privateKey), 'a certificate is needed, but a plain key was shown'],
  ['a host certificate', userSigner({}, CA, 'host'), 'the certificate is for a host, not for a user'],
  ['an unknown authority', userSigner({}, OTHER_CA), 'the certificate was signed by an unknown authority'],
  ['an early certificate', userSigner({ validAfter: SECONDS + 1n }), 'the certificate is not valid yet'],
  ['a late certificate', userSigner({ validBefore: SECONDS }), 'the certificate has expired'],
  ['no names', userSigner({ principals: [] }), 'the certificate names nobody'],
  ['another name', userSigner({ principals: ['bob'] }), 'alice is not in the certificate'],
  [
    'a critical option',
    userSigner({ criticalOptions: new Map([['verify-required', '']]) }),
    'the certificate has the unknown critical option verify-required',
  ],
  [
    'an address elsewhere',
    userSigner({ criticalOptions: new Map([['source-address', '10.2.0.0/16']]) }),
    'the certificate may not be used from 10.1.2.3',
  ],
  [
    'an unreadable address',
    userSigner({ criticalOptions: new Map([['source-address', 'everywhere/0']]) }),
    'the certificate may not be used from 10.1.2.3',
  ],
]

test.each(USER_REFUSALS)(
  'a client with %s is refused with its own text in our log, and a plain one on the wire',
  async (_, identity, why) => {
    const told: unknown[] = []
    const log = { ...NO_LOG, debug: (event: string, facts: unknown) => void (event === 'ssh.refused' && told.push(facts)) }
    expect(await refusal({ client: { identities: [identity] }, server: { authorize, log } })).toEqual({
      code: 'ssh/login-refused',
      why: 'the server accepts none of the keys for alice',
    })
    expect(told).toEqual([{ user: 'alice', algorithm: identity.algorithms[0], why }])
  },
)

test('a falsified certificate is refused', () => {
  const { blob } = userSigner()
  const at = blob.indexOf('alice') + 4
  const falsified = Buffer.from(blob)
  falsified[at] = 'f'.charCodeAt(0)
  const expected = { cas: [CA.publicKey], principal: 'alicf', now: NOW, from: '10.1.2.3' }
  expect(() => checkUserCertificate(decodePublicKey(falsified), expected)).toThrow('the signature of the certificate is wrong')
})

test('short RSA keys are refused, in a certificate and as its authority', () => {
  const short = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const expected = { cas: [CA.publicKey, short.publicKey], principal: 'alice', now: NOW, from: '10.1.2.3' }
  const check = (line: string) => () => checkUserCertificate(decodePublicKey(Buffer.from(line.split(' ')[1]!, 'base64')), expected)
  expect(check(certificateFor(short.publicKey, CA, 'user'))).toThrow('the key in the certificate is too short')
  expect(check(certificateFor(keyOf('ed25519', 'user').publicKey, short, 'user'))).toThrow('the key of the authority is too short')
})

test.each(KEY_KINDS.flatMap(ca => KEY_KINDS.map(kind => [ca, kind] as const)))(
  'a %s authority signs %s keys for users and hosts',
  async (ca, kind) => {
    const [authority, user, host] = [keyOf(ca, 'ca'), keyOf(kind, 'user'), keyOf(kind, 'host')]
    const { server } = await closing(
      openPair({
        client: {
          verifyHost: key => void checkHostCertificate(key, { cas: [authority.publicKey], principal: 'node.test', now: NOW }),
          identities: [keySigner(user.privateKey, certificateFor(user.publicKey, authority, 'user'))],
        },
        server: {
          hostKeys: [keySigner(host.privateKey, certificateFor(host.publicKey, authority, 'host'))],
          authorize: (name, key) =>
            checkUserCertificate(key, { cas: [authority.publicKey], principal: name, now: NOW, from: '::1' }).certificate.type,
        },
      }),
    )
    expect(server.session).toContain('-cert-v01@openssh.com')
  },
)

test('a server with several keys shows a certificate first, and the kind that the client asks for', async () => {
  const hostKeys = [keySigner(keyOf('ecdsa-256', 'host').privateKey), keySigner(keyOf('rsa', 'host').privateKey), hostSigner()]
  const shown = async (hostKey?: readonly string[]): Promise<string> =>
    (await closing(openPair({ server: { hostKeys }, client: hostKey === undefined ? {} : { algorithms: { hostKey } } }))).client.agreement
      .hostKey
  expect(await shown()).toBe('ssh-ed25519-cert-v01@openssh.com')
  expect(await shown(['rsa-sha2-256'])).toBe('rsa-sha2-256')
})

test('keys are shown in turn until one is accepted', async () => {
  const identities = (['rsa', 'ecdsa-384', 'ed25519'] as KeyKind[]).map(kind => keySigner(keyOf(kind, 'user').privateKey))
  const { server } = await closing(
    openPair({
      client: { identities: async () => identities },
      server: {
        authorize: (_, { type }) => {
          if (type !== 'ssh-ed25519') throw new Error('no')
          return type
        },
      },
    }),
  )
  expect(server.session).toBe('ssh-ed25519')
})

test('a key that costs a touch is asked about before it signs', async () => {
  let touches = 0
  const costly = (kind: KeyKind): SshSigner => {
    const signer = keySigner(keyOf(kind, 'user').privateKey)
    return { ...signer, askFirst: true, sign: async (algorithm, bytes) => (touches++, signer.sign(algorithm, bytes)) }
  }
  const onlyEd25519 = (_: string, { type }: { type: string }): string => {
    if (type !== 'ssh-ed25519') throw new Error('no')
    return type
  }
  await closing(
    openPair({ client: { identities: [costly('rsa'), costly('ecdsa-256'), costly('ed25519')] }, server: { authorize: onlyEd25519 } }),
  )
  expect(touches).toBe(1)
})

test('when an agent does not sign, or with SHA-1, the next key is shown; without one its reason is told', async () => {
  const good = keySigner(keyOf('ed25519', 'user').privateKey)
  const stubborn = {
    ...keySigner(keyOf('ecdsa-256', 'user').privateKey),
    sign: () => Promise.reject(sshFailure('ssh/agent', 'the agent refuses to sign')),
  }
  const old = { ...keySigner(keyOf('rsa', 'user').privateKey), sign: () => Buffer.concat([sshString('ssh-rsa'), sshString('x')]) }
  const { server } = await closing(
    openPair({ client: { identities: [stubborn, old, good] }, server: { authorize: (_, { type }) => type } }),
  )
  expect(server.session).toBe('ssh-ed25519')
  expect(await refusal({ client: { identities: [stubborn] } })).toEqual({ code: 'ssh/login-refused', why: 'the agent refuses to sign' })
  expect(await refusal({ client: { identities: [old] } })).toEqual({
    code: 'ssh/login-refused',
    why: 'the key signs with another algorithm than asked',
  })
})

test('a wrong signature is refused', async () => {
  const liar = {
    ...userSigner(),
    sign: (algorithm: string, bytes: Buffer) => signSsh(keyOf('ed25519', 'thief').privateKey, algorithm, bytes),
  }
  expect(await refusal({ client: { identities: [liar] }, server: { authorize } })).toMatchObject({ code: 'ssh/login-refused' })
})

test('after the last attempt the server ends the connection', async () => {
  const identities = Array.from({ length: 4 }, () => keySigner(keyOf('ed25519', 'user').privateKey))
  const never = (): never => {
    throw new Error('no')
  }
  expect(await refusal({ client: { identities }, server: { authorize: never, limits: { authAttempts: 3 } } })).toEqual({
    code: 'ssh/disconnected',
    why: 'too many attempts to sign in',
  })
  expect(await refusal({ client: { identities }, server: { authorize: never, limits: { authAttempts: 5 } } })).toEqual({
    code: 'ssh/login-refused',
    why: 'the server accepts none of the keys for alice',
  })
})

test('the banner is heard, without control characters', async () => {
  const heard: string[] = []
  await closing(openPair({ client: { onBanner: text => heard.push(text) }, server: { banner: 'be \u001b[1mgood\nhere' } }))
  expect(heard).toEqual(['be  [1mgood\nhere'])
})

test('nothing in common is said with both lists', async () => {
  const { code } = await refusal({
    client: { algorithms: { ciphers: ['aes128-ctr'] } },
    server: { algorithms: { ciphers: ['aes256-ctr'] } },
  })
  expect(code).toBe('ssh/no-common-algorithm')
  await expect(
    openPair({ client: { algorithms: { ciphers: ['aes128-ctr'] } }, server: { algorithms: { ciphers: ['aes256-ctr'] } } }),
  ).rejects.toMatchObject({
    facts: { what: 'cipher', ours: ['aes128-ctr'], theirs: ['aes256-ctr'] },
  })
})

test('a peer that says nothing meets the deadline, on both sides', async () => {
  const options = { verifyHost: () => {}, user: 'alice', identities: [], log: NO_LOG, limits: { loginMs: 30 } }
  await expect(openSshClient(openWire().client, options)).rejects.toMatchObject({ facts: { why: 'the server took too long to let us in' } })
  const slow = { authorize: () => new Promise<string>(() => {}), limits: { loginMs: 60 } }
  expect(await refusal({ server: slow })).toEqual({ code: 'ssh/disconnected', why: 'the client took too long to sign in' })
})

test('signing in can be cancelled, before and during', async () => {
  const cancel = new AbortController()
  const hesitate = (): Promise<void> => {
    setTimeout(() => cancel.abort(), 5)
    return new Promise(() => {})
  }
  expect(await refusal({ client: { verifyHost: hesitate, signal: cancel.signal } })).toMatchObject({ code: 'app/cancelled' })
  expect(await refusal({ client: { signal: cancel.signal } })).toMatchObject({ code: 'app/cancelled' })
  expect(await refusal({ server: { signal: cancel.signal } })).toMatchObject({ code: expect.stringMatching(/disconnected|cancelled/) })
})

test('what is not SSH is refused, and so is an endless first line', async () => {
  const say = async (text: string, from: 'client' | 'server'): Promise<unknown> => {
    const wire = openWire()
    wire[from].resume().write(text)
    if (from === 'server')
      return openSshClient(wire.client, { verifyHost: () => {}, user: 'alice', identities: [], log: NO_LOG }).catch(
        (thrown: unknown) => thrown,
      )
    const { serveSsh } = await import('../../../electron/ssh/serve-ssh.ts')
    return serveSsh(wire.server, { hostKeys: [keySigner(keyOf('ed25519', 'host').privateKey)], authorize: () => '', log: NO_LOG }).catch(
      (thrown: unknown) => thrown,
    )
  }
  expect(await say('GET / HTTP/1.1\r\n', 'client')).toMatchObject({
    code: 'wire/malformed',
    facts: { why: 'the other side does not speak SSH' },
  })
  expect(await say('SSH-1.5-old\r\n', 'server')).toMatchObject({
    code: 'wire/malformed',
    facts: { why: 'the other side speaks SSH-1.5-old' },
  })
  expect(await say('x'.repeat(9000), 'server')).toMatchObject({ code: 'wire/too-long' })
  expect(await say('welcome\r\n'.repeat(2000), 'server')).toMatchObject({ code: 'wire/too-long' })
  expect(await say('welcome\r\nSSH-2.0-x\r\n\xff\xff\xff\xff\xff', 'server')).toMatchObject({
    code: 'wire/too-long',
    facts: { why: 'an SSH packet is too long' },
  })
})

test('a stream that is over already is told as such', async () => {
  const wire = openWire()
  wire.client.destroy()
  const options = { verifyHost: () => {}, user: 'alice', identities: [], log: NO_LOG }
  await expect(openSshClient(wire.client, options)).rejects.toMatchObject({
    code: 'ssh/disconnected',
    facts: { why: 'the connection ended before SSH was set up' },
  })
})
