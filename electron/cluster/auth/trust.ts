import { X509Certificate } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { Storage } from '../storage/storage.ts'
import type { CaPublic, CaType, RoleMapping } from './auth.ts'
import { follow } from './followed.ts'

/** A cluster that this one is a leaf of. */
export interface RootCluster {
  readonly name: string
  /** Where its reverse tunnel is, `host:port`. */
  readonly tunnelAddress: string
  readonly roleMap: readonly RoleMapping[]
  readonly cas: readonly CaPublic[]
}

/** A cluster below this one. */
export interface LeafCluster {
  readonly name: string
  readonly cas: readonly CaPublic[]
}

/** Other clusters: kept in the storage, and at hand at any time. Changes of other processes come in by themselves. */
export interface Trust {
  /** Authorities of other clusters, those of roots with their role map. */
  cas(type: CaType): readonly CaPublic[]
  /** Names, in order. */
  leaves(): readonly string[]
  roots(): readonly RootCluster[]
  /** @throws PorticoError usage/invalid for authorities that are not that cluster's */
  addLeaf(leaf: LeafCluster): Promise<void>
  removeLeaf(name: string): Promise<void>
  /** Over what was known of it. @throws PorticoError usage/invalid for authorities that are not that cluster's */
  putRoot(root: RootCluster): Promise<void>
  removeRoot(name: string): Promise<void>
  /** @returns its unsubscribe */
  onChange(listener: () => void): () => void
  close(): void
}

export async function openTrust(storage: Storage, log: Log): Promise<Trust> {
  const listeners = new Set<() => void>()
  const told = (key: string): void => {
    log.debug('trust.changed', { key })
    for (const listener of listeners) listener()
  }
  const leaves = await follow<LeafCluster>(storage, 'clusters/leaves/', told)
  const roots = await follow<RootCluster>(storage, 'clusters/roots/', told)

  return {
    cas: type => [
      ...[...leaves.values.values()].flatMap(({ cas }) => cas.filter(ca => ca.type === type)),
      ...[...roots.values.values()].flatMap(({ cas, roleMap }) =>
        cas.filter(ca => ca.type === type).map(ca => (type === 'user' ? { ...ca, roleMap } : ca)),
      ),
    ],
    leaves: () => [...leaves.values.keys()].sort(),
    roots: () => [...roots.values.values()],
    async addLeaf(leaf) {
      checkAuthorities(leaf.name, leaf.cas)
      await leaves.put(leaf.name, leaf)
    },
    removeLeaf: leaves.remove,
    async putRoot(root) {
      checkAuthorities(root.name, root.cas)
      await roots.put(root.name, root)
    },
    removeRoot: roots.remove,
    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      leaves.close()
      roots.close()
    },
  }
}

/**
 * An authority counts by the name in its certificate, so that must be the cluster's: else one cluster could sign for another, this one
 * among them.
 */
function checkAuthorities(name: string, cas: readonly CaPublic[]): void {
  for (const ca of cas) {
    const fits = ca.cluster === name && ca.tls.every(pem => commonNameOf(pem) === name)
    if (!fits) throw new PorticoError('usage/invalid', { why: `an authority of ${name} is of another cluster` })
  }
}

function commonNameOf(pem: string): string | undefined {
  try {
    const certificate = new X509Certificate(pem)
    const [name, ...more] = [...certificate.subject.matchAll(/^CN=(.*)$/gm)]
    return certificate.ca && more.length === 0 ? name?.[1] : undefined
  } catch {
    return undefined
  }
}
