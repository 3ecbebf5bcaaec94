import { z } from 'zod'
import { parseAddress, type Address } from '../../../shared/address.ts'

/** Values that occur in many places of `portico.yaml`. */

/** YAML 1.1 words count too: Teleport's files say `yes` and `off`. */
export const flag = z.union(
  [z.boolean(), z.enum(['yes', 'no', 'on', 'off', 'true', 'false']).transform(word => word === 'yes' || word === 'on' || word === 'true')],
  'must be yes or no',
)

/** `parseAddress` takes ports from 1; a listener may ask for any free one. */
function parseListen(text: string, defaultPort: number): Address | undefined {
  const any = /^(.*):0$/.exec(text)
  const found = any === null ? parseAddress(text, defaultPort) : parseAddress(`${any[1]!}:1`, 1)
  return found && (any === null ? found : { ...found, port: 0 })
}

export const address = (defaultPort: number) =>
  z.string().transform((text, context): Address => {
    const found = parseListen(text, defaultPort)
    if (found !== undefined) return found
    context.addIssue({ code: 'custom', message: `"${text}" is no host:port` })
    return z.NEVER
  })

const NO_DURATION = 'must be a duration, such as 12h or 30m'
const DURATION_UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Go's form: `12h`, `1h30m`; `d` besides, and a bare 0. Milliseconds. */
const durationText = z.string().transform((text, context) => {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)]
  if (parts.length > 0 && parts.map(part => part[0]).join('') === text) {
    return parts.reduce((sum, [, count, unit]) => sum + Number(count) * DURATION_UNITS[unit!]!, 0)
  }
  context.addIssue({ code: 'custom', message: NO_DURATION })
  return z.NEVER
})
export const duration = z.union([durationText, z.literal(0)], NO_DURATION)

/** What a timer can wait: beyond 2³¹ ms Node's fire at once. */
export const timerDuration = duration.refine(ms => ms < 2 ** 31, 'must be less than 24d')

export const text = z.string().min(1)
export const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, 'letters, digits, dots, dashes and underscores only')
export const list = z.array(text)
export const oneOrMore = z.union([text.transform(one => [one]), list], 'must be one text or a list of them')

/** A word in any case. */
export const word = <const T extends readonly [string, ...string[]]>(words: T) =>
  z
    .string()
    .transform(text => text.toLowerCase())
    .pipe(z.enum(words, `must be ${words.join(' or ')}`))
