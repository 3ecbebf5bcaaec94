import { createPrivateKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect } from 'node:tls'
import { startLab, type Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import type { AuthApi } from '../../../electron/client/client.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { checkHostCertificate } from '../../../electron/ssh/check-certificate.ts'
import { openSshClient } from '../../../electron/ssh/open-ssh-client.ts'
import { keySigner } from '../../../electron/ssh/signer.ts'
import type { SshConnection } from '../../../electron/ssh/ssh-connection.ts'
import { decodeIdentity } from '../../../electron/wire/identity.ts'
import { sshString } from '../../../electron/wire/ssh-bytes.ts'
import { formatSshKey, parseSshKey } from '../../../electron/wire/ssh-keys.ts'
import { newKeyPair, privateKeyPem, publicKeyPem } from '../../../electron/wire/x509.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { request } from './cluster-under-test.ts'
import { dialLab, openLocalPort, run } from './lab-client.ts'

let lab: Lab

interface SignedIn {
  readonly key: string
  readonly tlsCert: string
  readonly sshCert: string
}

async function signIn(user: string): Promise<SignedIn> {
  const keys = await newKeyPair('ecdsa-p256')
  const { password } = lab.users.find(({ name }) => name === user)!
  const { tlsCert, sshCert } = await lab.running.auth.login({
    user,
    password,
    code: '',
    ttlMs: 3_600_000,
    sshPublicKey: formatSshKey(keys.publicKey),
    tlsPublicKey: publicKeyPem(keys.publicKey),
    routeToCluster: '',
    clientIp: '127.0.0.1',
  })
  return { key: privateKeyPem(keys.privateKey), tlsCert, sshCert }
}

async function apiOf(user: string, cluster: string): Promise<AuthApi> {
  const { key, tlsCert } = await signIn(user)
  const cas = [lab.running.auth.ca('host'), lab.leaf!.auth.ca('host')]
  return openAuthApi({
    proxy: { host: 'localhost', port: lab.running.address.port },
    rootCluster: 'lab',
    cluster,
    login: { tlsKey: key, tlsCert },
    hostCas: cas.map(({ cluster: name, tls, ssh }) => ({ cluster: name, tls, ssh })),
  })
}

async function branchCertificate(): Promise<{ key: string; cert: string }> {
  const { key, tlsCert } = await signIn('alice')
  const api = await openAuthApi({
    proxy: { host: 'localhost', port: lab.running.address.port },
    rootCluster: 'lab',
    cluster: 'lab',
    login: { tlsKey: key, tlsCert },
    hostCas: [lab.running.auth.ca('host')],
  })
  const route = { cluster: 'branch', name: 'tickets', dbProtocol: 'postgres', databaseUser: 'alice', databaseName: 'shop' }
  const cert = await api.databaseCertificate(route, Date.now() + 600_000)
  api.close()
  return { key, cert }
}

async function until(what: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  for (const end = Date.now() + ms; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 50))) if (await what()) return
  throw new Error('it did not come about in time')
}

const isUp = async (): Promise<boolean> => {
  const ssh = await sshAs('alice')
  const sites = await subsystem(ssh, 'proxysites')
  await ssh.close()
  return sites.stdout.includes('"name":"branch"') && !sites.stdout.includes('offline')
}

async function sshAs(user: string, loginName = 'alice'): Promise<SshConnection> {
  const { key, sshCert } = await signIn(user)
  const { auth, address } = lab.running
  const socket = connect({
    host: '127.0.0.1',
    port: address.port,
    servername: 'localhost',
    ca: [...auth.ca('host').tls],
    ALPNProtocols: [ALPN.proxySsh],
  })
  return openSshClient(socket, {
    user: loginName,
    identities: [keySigner(createPrivateKey(key), sshCert)],
    verifyHost: shown =>
      void checkHostCertificate(shown, { cas: auth.ca('host').ssh.map(parseSshKey), principal: 'localhost', now: Date.now() }),
    log: NO_LOG,
  })
}

async function subsystem(ssh: SshConnection, name: string): Promise<{ granted: boolean; stdout: string; stderr: string }> {
  const channel = await ssh.open('session')
  const { stderr } = channel
  const read = async (from: AsyncIterable<unknown>): Promise<string> => {
    let text = ''
    for await (const chunk of from) text += String(chunk)
    return text
  }
  const both = Promise.all([read(channel), read(stderr)])
  const granted = await channel.request('subsystem', sshString(name))
  const [stdout, said] = await both
  return { granted, stdout, stderr: said }
}

beforeAll(async () => {
  lab = await startLab({ home: '', ephemeral: true, full: true, listen: { host: '127.0.0.1', port: 0 }, log: NO_LOG })
  await until(isUp)
}, 90_000)
afterAll(() => lab?.close(0))

describe('a leaf cluster', () => {
  test('is listed by the lab, and its databases through the root', async () => {
    expect(lab.leaves).toEqual(['branch'])
    const api = await apiOf('alice', 'branch')
    const [ticket, ...more] = await api.listDatabases()
    expect(more).toEqual([])
    expect(ticket).toMatchObject({ name: 'tickets', cluster: 'branch', dbProtocol: 'postgres' })
    api.close()
  })

  test('tells a root user the host authorities of both clusters', async () => {
    const api = await apiOf('alice', 'lab')
    expect((await api.hostCas()).map(({ cluster }) => cluster)).toEqual(['lab', 'branch'])
    api.close()
  })

  test('serves a database through the root port', async () => {
    const { key, cert } = await branchCertificate()
    expect(decodeIdentity(cert).identity).toMatchObject({ routeToCluster: 'branch', teleportCluster: 'lab' })
    const port = await openLocalPort(lab, { key, cert })
    const end = await run('psql', [
      `host=127.0.0.1 port=${port.port} user=alice dbname=shop`,
      '-X',
      '-Atc',
      'select current_user, count(*) from orders',
    ])
    expect(end).toMatchObject({ code: 0, stdout: 'alice|120000\n' })
    port.close()
  })

  test('knows a root user only by roles that are mapped', async () => {
    const api = await apiOf('bob', 'branch')
    await expect(api.listDatabases()).rejects.toMatchObject({ code: 'access/denied' })
    api.close()
  })

  test('is not reached by a name that nobody has', async () => {
    await expect(apiOf('alice', 'nosuch')).rejects.toMatchObject({ code: expect.stringMatching(/^proxy\//) })
  })
})

test('leaf clusters are listed over HTTP/1.1 too, as tsh clusters asks', async () => {
  const { key, tlsCert } = await signIn('alice')
  const { auth, address } = lab.running
  const servername = '6c6162.teleport.cluster.local'
  const socket = connect({
    host: '127.0.0.1',
    port: address.port,
    servername,
    ca: [...auth.ca('host').tls],
    ALPNProtocols: [`teleport-auth@${servername}`, 'http/1.1'],
    key,
    cert: tlsCert,
  })
  await new Promise<void>((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  expect(socket.alpnProtocol).toBe(false)
  expect(JSON.parse(await request(socket, '/v2/remoteclusters'))).toEqual([
    expect.objectContaining({ metadata: { name: 'branch' }, status: { connection: 'online', last_heartbeat: expect.any(String) } }),
  ])
  socket.destroy()
})

describe('the SSH proxy', () => {
  test('lists clusters, its own first, in the form of v13', async () => {
    const ssh = await sshAs('alice')
    const { granted, stdout, stderr } = await subsystem(ssh, 'proxysites')
    expect({ granted, stderr }).toEqual({ granted: true, stderr: '' })
    expect(stdout).toMatch(
      /^\[\{"name":"lab","lastconnected":"[^"]+","status":"online"\},\{"name":"branch","lastconnected":"[^"]+","status":"online"\}\]$/,
    )
    await ssh.close()
  })

  test.each(['lab', 'branch'])('opens the auth service of %s', async cluster => {
    const ssh = await sshAs('alice')
    const channel = await ssh.open('session')
    expect(await channel.request('subsystem', sshString(`proxy:@${cluster}`))).toBe(true)
    const ca = cluster === 'lab' ? lab.running.auth.ca('host').tls : lab.leaf!.auth.ca('host').tls
    const tls = connect({ socket: channel, servername: '6c6162.teleport.cluster.local', ca: [...ca], ALPNProtocols: ['h2'] })
    await new Promise<void>((resolve, reject) => tls.once('secureConnect', resolve).once('error', reject))
    expect(tls.authorized).toBe(true)
    tls.destroy()
    await ssh.close()
  })

  // Captured from Teleport 13.0.0-dev, fixtures/ssh/transcripts/sub-*
  test.each([
    ['proxy:node1', `invalid format for proxy request: "proxy:node1", expected 'proxy:host:port@cluster'\n`],
    [
      'proxy:00000000-0000-0000-0000-000000000000:0@lab',
      'unable to locate node matching UUID-like target 00000000-0000-0000-0000-000000000000\n',
    ],
    ['proxy:', ''],
    ['nosuch-subsystem', ''],
    ['proxy:node1:0@nosuch.example', ''],
    ['proxy:@nosuch.example', ''],
  ])('refuses %s as v13 does', async (name, stderr) => {
    const ssh = await sshAs('alice')
    expect(await subsystem(ssh, name)).toEqual({ granted: false, stdout: '', stderr })
    await ssh.close()
  })

  test('tells of a node that nobody knows in the words of v13', async () => {
    const ssh = await sshAs('alice')
    const { granted, stderr } = await subsystem(ssh, 'proxy:nosuch:0@lab')
    expect(granted).toBe(false)
    expect(stderr).toMatch(
      /^Teleport proxy failed to connect to "node" agent "nosuch:3022" over direct dial:\n\n {2}.+\n\nThis usually means that the agent is offline/,
    )
    await ssh.close()
  })

  test('answers the global requests of v13', async () => {
    const ssh = await sshAs('alice')
    expect(await ssh.global('cluster-details@goteleport.com')).toEqual(Buffer.from([0, 0]))
    expect(String(await ssh.global('x-teleport-version'))).toMatch(/^13\./)
    expect(await ssh.global('keepalive@openssh.com')).not.toBe(false)
    expect(await ssh.global('another')).toBe(false)
    await ssh.close()
  })

  test('lets nobody in under a name that the certificate lacks', async () => {
    await expect(sshAs('alice', 'mallory')).rejects.toMatchObject({ code: 'ssh/login-refused' })
  })
})

describe('a leaf that stops', () => {
  test('closes a database without a byte, refuses lists and shows as offline', async () => {
    const { key, cert } = await branchCertificate()
    await lab.leaf!.close(0)
    await until(async () => !(await isUp()))
    await expect(apiOf('alice', 'branch')).rejects.toMatchObject({ code: expect.stringMatching(/^proxy\//) })
    const ssh = await sshAs('alice')
    expect((await subsystem(ssh, 'proxy:@branch')).granted).toBe(false)
    await ssh.close()
    const socket = await dialLab(lab, { key, cert })
    let bytes = 0
    socket.on('data', chunk => (bytes += chunk.length))
    await new Promise<void>(resolve => socket.once('close', () => resolve()))
    expect(bytes).toBe(0)
  })
})
