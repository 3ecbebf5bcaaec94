import type { KeyObject } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import { openAgentTunnel, type AgentTunnel } from '../../../electron/cluster/reverse-tunnel/open-tunnel.ts'
import { dialThrough } from '../../../electron/cluster/reverse-tunnel/resolve-dial.ts'
import { openTunnelServer, type TunnelServer } from '../../../electron/cluster/reverse-tunnel/tunnel-server.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { keySigner, type SshSigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { formatSshKey, parseSshKey } from '../../../electron/wire/ssh-keys.ts'
import { newKeyPair } from '../../../electron/wire/x509.ts'
import { PorticoError } from '../../../shared/errors.ts'

const [root, stranger] = ['root.example', 'stranger.example']
let auth: OpenAuth
let other: OpenAuth
let server: TunnelServer
let hostSigner: SshSigner
const open: { close(): unknown }[] = []

async function hostKeys(from: OpenAuth, role: string, hostId = 'agent'): Promise<SshSigner> {
  const keys = await newKeyPair('ecdsa-p256')
  const { ssh } = from.hostCertificates({
    role,
    hostId,
    nodename: 'host',
    principals: [],
    sshPublicKey: keys.publicKey,
    tlsPublicKey: keys.publicKey,
  })
  return keySigner(keys.privateKey, ssh)
}

async function userKeys(): Promise<{ signer: SshSigner; key: KeyObject }> {
  const keys = await newKeyPair('ed25519')
  const { sshCert } = await auth.login({
    user: 'alice',
    password: 'secret',
    code: '',
    ttlMs: 60_000,
    sshPublicKey: formatSshKey(keys.publicKey),
    tlsPublicKey: undefined,
    routeToCluster: '',
    clientIp: '127.0.0.1',
  })
  return { signer: keySigner(keys.privateKey, sshCert), key: keys.privateKey }
}

const caKeys = (cluster: string, type: 'host' | 'user'): readonly KeyObject[] =>
  cluster === root ? auth.ca(type).ssh.map(parseSshKey) : []

beforeAll(async () => {
  const make = (clusterName: string) =>
    openAuth({ clusterName, storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG, passwordCost: 16 })
  ;[auth, other] = [await make(root), await make(stranger)]
  await auth.createRole({
    name: 'all',
    maxSessionTtlMs: 0,
    allow: { logins: ['alice'], dbUsers: [], dbNames: [], dbLabels: {} },
    deny: { logins: [], dbUsers: [], dbNames: [], dbLabels: {} },
  })
  await auth.createUser({ name: 'alice', password: 'secret', roles: ['all'] })
  hostSigner = await hostKeys(auth, 'Proxy', 'proxy-1')
})
beforeEach(() => {
  server = openTunnelServer({
    clusterName: root,
    hostSigner: () => hostSigner,
    caKeys,
    proxies: () => ['proxy-1', 'proxy-2'],
    dial: async () => {
      throw new PorticoError('proxy/unreachable', { why: 'nothing is here' })
    },
    log: NO_LOG,
    probeMs: 50,
  })
})
afterEach(() => {
  for (const one of open.splice(0)) one.close()
  server.close()
})
afterAll(async () => {
  await auth.close()
  await other.close()
})

function stream() {
  const [ours, theirs] = duplexPair()
  const handshake = {
    client: { host: '127.0.0.1', port: 1 },
    sni: undefined,
    offered: [],
    negotiated: undefined,
    identity: undefined,
    peerCertificate: undefined,
  }
  void Promise.resolve(server.serve(theirs, handshake)).catch(() => theirs.destroy())
  return ours
}

async function connect(signer: SshSigner, user: string): Promise<SshConnection> {
  const connection = await openSshClient(stream(), { user, identities: [signer], verifyHost: () => {}, log: NO_LOG })
  open.push(connection)
  return connection
}

async function agent(
  signer: SshSigner,
  user = `agent.${root}`,
  seen: (proxies: readonly string[]) => void = () => {},
): Promise<AgentTunnel> {
  const tunnel = await openAgentTunnel(stream(), {
    identity: { serverId: user, signer },
    hostCas: () => auth.ca('host').ssh.map(parseSshKey),
    cluster: root,
    isHeld: () => false,
    onDiscovery: seen,
    onDrain: () => {},
    dial: async ({ address }) => {
      const [near, far] = duplexPair()
      far.pipe(far)
      if (address === '@refused') throw new PorticoError('proxy/unreachable', { why: 'not today' })
      return { stream: near, byTunnel: false }
    },
    log: NO_LOG,
  })
  open.push(tunnel!)
  return tunnel!
}

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 10))) if (what()) return
  throw new Error('it did not come about in time')
}

describe('the reverse tunnel lets in', () => {
  test('an agent, tells it every proxy, and dials through it', async () => {
    let proxies: readonly string[] = []
    const tunnel = await agent(await hostKeys(auth, 'Db'), undefined, found => (proxies = found))
    expect(tunnel.proxyId).toBe('proxy-1')
    await until(() => server.registry.reaches(`agent.${root}`, 'db') && proxies.length === 2)
    expect(proxies).toEqual(['proxy-1', 'proxy-2'])
    const found = server.registry.agent(`agent.${root}`, 'db')!
    const request = { address: '@local-node', serverId: found.serverId, connectionType: 'db', clientSource: '', clientDestination: '' }
    const dialled = await dialThrough(found, request)
    const echoed = new Promise(resolve => dialled.once('data', resolve))
    dialled.write('hello')
    expect(String(await echoed)).toBe('hello')
    dialled.destroy()
    await expect(dialThrough(found, { ...request, address: '@refused' })).rejects.toMatchObject({
      code: 'proxy/unreachable',
      facts: { why: 'not today' },
    })
    // One refusal says nothing against the tunnel.
    expect(server.registry.reaches(`agent.${root}`, 'db')).toBe(true)
    tunnel.close()
    await until(() => server.registry.agent(`agent.${root}`, 'db') === undefined)
  })

  test('the newest of two connections under one name, and the older one when that has gone', async () => {
    const signer = await hostKeys(auth, 'Db')
    await agent(signer)
    await until(() => server.registry.reaches(`agent.${root}`, 'db'))
    const first = server.registry.agent(`agent.${root}`, 'db')
    const second = await agent(signer)
    await until(() => server.registry.agent(`agent.${root}`, 'db') !== first)
    second.close()
    await until(() => server.registry.agent(`agent.${root}`, 'db') === first)
  })

  test('no agent before its first ping', async () => {
    const connection = await connect(await hostKeys(auth, 'Db'), `agent.${root}`)
    const heartbeat = await connection.open('teleport-heartbeat')
    expect(server.registry.agent(`agent.${root}`, 'db')).toBeUndefined()
    heartbeat.notify('ping')
    await until(() => server.registry.agent(`agent.${root}`, 'db') !== undefined)
  })

  test('a user for dialling only', async () => {
    const connection = await connect((await userKeys()).signer, 'alice')
    await expect(connection.open('teleport-heartbeat')).rejects.toMatchObject({ code: 'ssh/channel-refused' })
    const channel = await connection.open('teleport-transport')
    const said = new Promise(resolve => channel.stderr.once('data', resolve))
    expect(await channel.request('teleport-transport-dial', Buffer.from('{"address":"@remote-auth-server"}'))).toBe(false)
    // A space at once, so that a reader of stderr never blocks; the reason after it.
    expect(String(await said)).toMatch(/^ /)
  })
})

describe('the reverse tunnel refuses', () => {
  test.each([
    ['an agent of another cluster', () => hostKeys(other, 'Db'), `agent.${stranger}`],
    ['a name that the certificate lacks', () => hostKeys(auth, 'Db'), `another.${root}`],
    ['a plain key', async () => keySigner((await newKeyPair('ed25519')).privateKey), `agent.${root}`],
    [
      'a certificate whose key is another',
      async () => ({ ...(await hostKeys(auth, 'Db')), sign: (await hostKeys(auth, 'Db')).sign }),
      `agent.${root}`,
    ],
    ['a user under another name', async () => (await userKeys()).signer, 'bob'],
  ])('%s', async (_who, signer, user) => {
    await expect(connect(await signer(), user)).rejects.toMatchObject({ code: 'ssh/login-refused' })
  })

  test('roles that nothing is registered for', async () => {
    const connection = await connect(await hostKeys(auth, 'Instance'), `agent.${root}`)
    await expect(connection.open('teleport-heartbeat')).rejects.toMatchObject({ facts: { why: 'unsupported role Instance' } })
  })

  test('people, in the words of v13', async () => {
    const connection = await connect((await userKeys()).signer, 'alice')
    await expect(connection.open('session')).rejects.toMatchObject({
      facts: { why: 'Cannot open new SSH session on reverse tunnel. Are you connecting to the right port?' },
    })
  })
})

test('an agent that stalls is hidden, and back when it answers', async () => {
  let answer: (() => void) | undefined
  const signer = await hostKeys(auth, 'Db')
  let stalled = false
  const connection = await openSshClient(stream(), {
    user: `agent.${root}`,
    identities: [signer],
    verifyHost: () => {},
    onGlobal: () => (stalled ? new Promise<boolean>(resolve => (answer = () => resolve(false))) : false),
    log: NO_LOG,
  })
  open.push(connection)
  const heartbeat = await connection.open('teleport-heartbeat')
  heartbeat.notify('ping')
  await until(() => server.registry.reaches(`agent.${root}`, 'db'))
  stalled = true
  await until(() => !server.registry.reaches(`agent.${root}`, 'db'))
  stalled = false
  answer?.()
  await until(() => server.registry.reaches(`agent.${root}`, 'db'))
})

test('an agent goes to no router but the cluster’s', async () => {
  const foreign = await hostKeys(other, 'Proxy', 'proxy-9')
  hostSigner = foreign
  await expect(agent(await hostKeys(auth, 'Db'))).rejects.toMatchObject({ code: 'ssh/host-refused' })
  hostSigner = await hostKeys(auth, 'Proxy', 'proxy-1')
})
