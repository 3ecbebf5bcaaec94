/**
 * Names of resources across clusters. A root id and a leaf id are different types, so one cannot pass for the other.
 * Every part is percent-encoded: names are chosen by servers.
 */
export type RootId = `/clusters/${string}`
export type ResourceKind = 'db' | 'node' | 'kube' | 'app'
export type RootResourceId<K extends ResourceKind> = `/clusters/${string}/${K}/${string}`
export type LeafResourceId<K extends ResourceKind> = `/clusters/${string}/leaves/${string}/${K}/${string}`
export type ResourceId<K extends ResourceKind> = RootResourceId<K> | LeafResourceId<K>
export type DatabaseId = ResourceId<'db'>

export function databaseId(root: string, name: string, leaf?: string): DatabaseId {
  const [r, n] = [encodeURIComponent(root), encodeURIComponent(name)]
  return leaf === undefined || leaf === root ? `/clusters/${r}/db/${n}` : `/clusters/${r}/leaves/${encodeURIComponent(leaf)}/db/${n}`
}
