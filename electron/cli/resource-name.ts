import { PorticoError } from '../../shared/errors.ts'
import { databaseId, type DatabaseId } from '../../shared/ids.ts'
import { chooseProfile } from '../app/choose-profile.ts'
import type { Context } from '../app/context.ts'
import type { Run } from './run.ts'

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

/** The id of what a command names, in the cluster that it means. @throws PorticoError `usage/invalid`, `login/required` */
export function resourceNamed(context: Context, { globals }: Run, text: string): DatabaseId {
  const { cluster: root } = chooseProfile(context, globals.proxy)
  const { name, cluster } = readName(text, globals.cluster)
  return databaseId(root, name, cluster)
}
