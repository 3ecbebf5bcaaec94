import type { KeyObject } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openAuth, type OpenAuth } from '../../../electron/cluster/auth/open-auth.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import { openAgentPool, type AgentPool } from '../../../electron/cluster/reverse-tunnel/agent-pool.ts'
import { openTunnelServer, type TunnelServer } from '../../../electron/cluster/reverse-tunnel/tunnel-server.ts'
import { openMemoryStorage } from '../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { keySigner, type SshSigner } from '../../../electron/ssh/signer.ts'
import { parseSshKey } from '../../../electron/wire/ssh-keys.ts'
import { newKeyPair } from '../../../electron/wire/x509.ts'
import { PorticoError } from '../../../shared/errors.ts'

const CLUSTER = 'root.example'
let auth: OpenAuth
let pool: AgentPool
let routers: Map<string, TunnelServer>
let proxies: string[]
let dials: number

async function signer(role: string, hostId: string): Promise<SshSigner> {
  const keys = await newKeyPair('ecdsa-p256')
  const { ssh } = auth.hostCertificates({
    role,
    hostId,
    nodename: '',
    principals: [],
    sshPublicKey: keys.publicKey,
    tlsPublicKey: keys.publicKey,
  })
  return keySigner(keys.privateKey, ssh)
}

const caKeys = (cluster: string, type: 'host' | 'user'): readonly KeyObject[] =>
  cluster === CLUSTER ? auth.ca(type).ssh.map(parseSshKey) : []

async function addRouter(id: string): Promise<void> {
  const host = await signer('Proxy', id)
  const dial = async () => {
    throw new PorticoError('proxy/unreachable', { why: 'nothing' })
  }
  routers.set(id, openTunnelServer({ clusterName: CLUSTER, hostSigner: () => host, caKeys, proxies: () => proxies, dial, log: NO_LOG }))
}

/** As a load balancer: each connection goes to the next router. */
async function balanced(): Promise<Duplex> {
  const servers = [...routers.values()]
  const server = servers[dials++ % servers.length]
  if (server === undefined) throw new PorticoError('proxy/unreachable', { why: 'ECONNREFUSED' })
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

async function until(what: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; Date.now() < end; await new Promise(resolve => setTimeout(resolve, 20))) if (what()) return
  throw new Error('it did not come about in time')
}

beforeEach(async () => {
  auth = await openAuth({ clusterName: CLUSTER, storage: openMemoryStorage(), secondFactor: 'off', log: NO_LOG })
  routers = new Map()
  proxies = ['one', 'two']
  dials = 0
  await addRouter('one')
  await addRouter('two')
  const cas = auth.ca('host').ssh.map(parseSshKey)
  pool = openAgentPool({
    identity: { serverId: `agent.${CLUSTER}`, signer: await signer('Db', 'agent') },
    hostCas: () => cas,
    cluster: CLUSTER,
    connect: balanced,
    dial: async () => {
      throw new PorticoError('proxy/unreachable', { why: 'nothing' })
    },
    log: NO_LOG,
  })
})
afterEach(() => {
  pool.close()
  for (const server of routers.values()) server.close()
})

const held = (): readonly string[] => pool.proxies().toSorted()
const isHeldBy = (id: string): boolean => routers.get(id)!.registry.reaches(`agent.${CLUSTER}`, 'db')

test('an agent holds one tunnel to every router that discovery names', async () => {
  await until(() => held().join() === 'one,two')
  expect(isHeldBy('one') && isHeldBy('two')).toBe(true)
  await addRouter('three')
  proxies = ['one', 'two', 'three']
  for (const server of routers.values()) server.announceProxies()
  await until(() => held().join() === 'one,three,two')
})

test('an agent goes on with the other router when one ends, and comes back to it', async () => {
  await until(() => held().join() === 'one,two')
  routers.get('one')!.close()
  routers.delete('one')
  await until(() => held().join() === 'two')
  expect(isHeldBy('two')).toBe(true)
  await addRouter('one')
  await until(() => held().join() === 'one,two')
})

test('an agent that is asked to drain leaves, and connects anew', async () => {
  await until(() => held().join() === 'one,two')
  const before = dials
  routers.get('one')!.drain()
  await until(() => dials > before && held().join() === 'one,two' && isHeldBy('one'))
})
