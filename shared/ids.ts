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

export interface ParsedResourceId {
  readonly root: string
  /** The leaf that holds the resource; absent when the root itself does. */
  readonly leaf?: string
  readonly kind: ResourceKind
  readonly name: string
}

const RESOURCE_ID = /^\/clusters\/([^/]+)(?:\/leaves\/([^/]+))?\/(db|node|kube|app)\/([^/]+)$/

export function databaseId(root: string, name: string, leaf?: string): DatabaseId {
  const [r, n] = [encodeURIComponent(root), encodeURIComponent(name)]
  return leaf === undefined || leaf === root
    ? `/clusters/${r}/db/${n}`
    : `/clusters/${r}/leaves/${encodeURIComponent(leaf)}/db/${n}`
}

/** @returns undefined when `text` is no resource id. */
export function parseResourceId(text: string): ParsedResourceId | undefined {
  const found = RESOURCE_ID.exec(text)
  if (found === null) return undefined
  const [, root, leaf, kind, name] = found
  try {
    return {
      root: decodeURIComponent(root!),
      ...(leaf === undefined ? {} : { leaf: decodeURIComponent(leaf) }),
      kind: kind as ResourceKind,
      name: decodeURIComponent(name!),
    }
  } catch {
    return undefined
  }
}
