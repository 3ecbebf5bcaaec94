import { databaseId, type DatabaseId } from '../../shared/ids.ts'
import { PorticoError } from '../../shared/errors.ts'

export interface Named {
  readonly kind: 'db'
  readonly name: string
  readonly cluster: string | undefined
}

/**
 * `KIND/NAME` or `LEAF:KIND/NAME`. cli.md "Everywhere"
 * @param cluster what `--cluster` says
 * @throws PorticoError `usage/invalid`
 */
export function readName(text: string, cluster: string | undefined): Named {
  const [, leaf, kind, name] = /^(?:([^/]+):)?([a-z]+)\/(.+)$/.exec(text) ?? []
  if (name === undefined) throw new PorticoError('usage/invalid', { why: `"${text}" is no resource; it is KIND/NAME, as in db/orders` })
  if (kind !== 'db') throw new PorticoError('usage/invalid', { why: `only databases so far: db/NAME, not "${text}"` })
  return { kind, name, cluster: leaf ?? cluster }
}

/** @param root the root cluster of the profile */
export function resourceOf({ name, cluster }: Named, root: string): DatabaseId {
  return databaseId(root, name, cluster)
}
