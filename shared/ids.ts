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

const DATABASE_ID = /^\/clusters\/([^/]+)(?:\/leaves\/([^/]+))?\/db\/([^/]+)$/

/** @returns undefined for what is no id of a database */
export function parseDatabaseId(text: string): DatabaseId | undefined {
  return readDatabaseId(text) === undefined ? undefined : (text as DatabaseId)
}

/** The names within an id; `leaf` is undefined for the root's own. */
export function readDatabaseId(
  text: string,
): { readonly root: string; readonly leaf: string | undefined; readonly name: string } | undefined {
  const [, root, leaf, name] = DATABASE_ID.exec(text) ?? []
  if (root === undefined || name === undefined) return undefined
  try {
    return {
      root: decodeURIComponent(root),
      leaf: leaf === undefined ? undefined : decodeURIComponent(leaf),
      name: decodeURIComponent(name),
    }
  } catch {
    return undefined
  }
}
