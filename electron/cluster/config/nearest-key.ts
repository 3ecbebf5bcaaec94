/** JSON schema, as far as it is walked here. */
interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
  readonly items?: SchemaNode
  readonly anyOf?: readonly SchemaNode[]
  readonly additionalProperties?: unknown
}

/** The keys that a mapping at `path` may have. */
function keysAt(schema: SchemaNode, path: readonly PropertyKey[]): readonly string[] {
  let nodes: readonly SchemaNode[] = [schema]
  const flat = (node: SchemaNode): readonly SchemaNode[] => (node.anyOf === undefined ? [node] : node.anyOf.flatMap(flat))
  for (const key of path) {
    nodes = nodes.flatMap(flat).flatMap(node => {
      const next = typeof key === 'number' ? node.items : node.properties?.[String(key)]
      return next === undefined ? [] : [next]
    })
  }
  return nodes.flatMap(flat).flatMap(node => Object.keys(node.properties ?? {}))
}

/** Levenshtein's distance: insertions, removals and replacements between two words. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}

const LONGEST = 64

/** The known key that an unknown one most likely stands for; undefined when none is near. */
export function nearestKey(schema: SchemaNode, path: readonly PropertyKey[], unknown: string): string | undefined {
  if (unknown.length > LONGEST) return undefined
  const [best] = keysAt(schema, path)
    .map(key => ({ key, far: distance(unknown.toLowerCase().replaceAll('-', '_'), key) }))
    .toSorted((a, b) => a.far - b.far)
  return best !== undefined && best.far <= Math.max(2, Math.floor(unknown.length / 3)) ? best.key : undefined
}
