import { createPrivateKey, type KeyObject } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { formatSshKey } from '../../wire/ssh-keys.ts'
import { newKeyPair, openCaSigner, privateKeyPem, selfSignedCa, type CaSigner, type KeyAlgorithm } from '../../wire/x509.ts'
import type { Storage } from '../storage/storage.ts'
import type { CaPublic, CaType } from './auth.ts'

/**
 * Keys of the cluster's authorities. TLS of `user` and `host` is ECDSA P-256 (suite balanced-v1): Go clients of every version take it,
 * and a handshake costs a tenth of RSA's. SSH stays RSA-2048, signed rsa-sha2-512, as clients of version 13 know it. `db` is RSA-2048
 * in every suite, because database drivers are old. wire/identity.md 8.1
 */
const ALGORITHMS: Readonly<Record<CaType, { readonly tls: KeyAlgorithm; readonly ssh?: KeyAlgorithm }>> = {
  user: { tls: 'ecdsa-p256', ssh: 'rsa-2048' },
  host: { tls: 'ecdsa-p256', ssh: 'rsa-2048' },
  db: { tls: 'rsa-2048' },
}

export const CA_TYPES = Object.keys(ALGORITHMS) as readonly CaType[]

/** One authority as it is stored. The first key of a list signs, all are trusted. */
interface StoredCa {
  readonly tls: readonly { readonly cert: string; readonly key: string }[]
  readonly ssh: readonly { readonly key: string }[]
}

export interface Authority {
  readonly public: CaPublic
  readonly tls: CaSigner
  /** undefined for `db` */
  readonly ssh: KeyObject | undefined
}

export type Authorities = Readonly<Record<CaType, Authority>>

export interface OpenAuthorities {
  /** Always the same object; what it holds follows the storage. */
  readonly current: Authorities
  close(): void
}

/**
 * Reads the authorities, or makes them where the cluster is new; of two that start at once, one wins and both use its keys.
 * Keys that another process changes later are used from then on.
 */
export async function openAuthorities(clusterName: string, storage: Storage, now: () => number, log: Log): Promise<OpenAuthorities> {
  const opened = Promise.all(CA_TYPES.map(async type => [type, await openAuthority(type, clusterName, storage, now)] as const))
  const current = opened.then(all => Object.fromEntries(all) as Record<CaType, Authority>)
  const stop = storage.watch('cas/', event => {
    const key = event.type === 'put' ? event.item.key : event.key
    const type = CA_TYPES.find(one => key === `cas/${one}`)
    if (type === undefined) return
    // Changes that come while the first state is still read count after it.
    current
      .then(cas => {
        if (event.type === 'delete') return log.error('auth.authority-deleted', { type })
        cas[type] = readAuthority(type, clusterName, event.item.value)
        log.info('auth.authority-changed', { type })
      })
      .catch((thrown: unknown) => log.error('auth.authority-unreadable', { type }, thrown))
  })
  try {
    return { current: await current, close: stop }
  } catch (thrown) {
    stop()
    throw thrown
  }
}

async function openAuthority(type: CaType, cluster: string, storage: Storage, now: () => number): Promise<Authority> {
  const key = `cas/${type}`
  const known =
    (await storage.get(key)) ??
    (await storage.compareAndSwap(key, undefined, await newAuthority(type, cluster, now()))) ??
    (await storage.get(key))
  return readAuthority(type, cluster, known?.value)
}

function readAuthority(type: CaType, cluster: string, value: unknown): Authority {
  const stored = value as StoredCa | undefined
  const active = stored?.tls[0]
  if (stored === undefined || active === undefined)
    throw new PorticoError('cluster/config', { why: `the ${type} authority cannot be read` })
  const ssh = stored.ssh.map(({ key: pem }) => createPrivateKey(pem))
  return {
    public: { type, cluster, tls: stored.tls.map(({ cert }) => cert), ssh: ssh.map(one => formatSshKey(one)) },
    tls: openCaSigner(active.cert, active.key),
    ssh: ssh[0],
  }
}

async function newAuthority(type: CaType, cluster: string, now: number): Promise<StoredCa> {
  const { tls, ssh } = ALGORITHMS[type]
  const [tlsKeys, sshKeys] = await Promise.all([newKeyPair(tls), ssh === undefined ? undefined : newKeyPair(ssh)])
  return {
    tls: [{ cert: selfSignedCa(cluster, tlsKeys, now), key: privateKeyPem(tlsKeys.privateKey) }],
    ssh: sshKeys === undefined ? [] : [{ key: privateKeyPem(sshKeys.privateKey) }],
  }
}
