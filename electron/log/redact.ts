import type { Facts } from '../../shared/errors.ts'

/** Removes secrets from what is logged. It errs on the side of removing too much: a log is copied into reports. */

const SECRET_NAME =
  /^(?:pass.*|.*password|.*passphrase|otp.*|.*secret.*|.*token.*|code|.*key|cookies?|set-cookie|authorization|credentials?)$/i
const REMOVED = '[removed]'
/** A line longer than this tells no more; it also bounds what a stranger's text can cost. */
const MAX_TEXT = 4_096

const RULES: readonly (readonly [RegExp, string])[] = [
  // A block that is cut short is removed up to where the text ends.
  [/-----BEGIN [^-]{1,64}-----[\s\S]*?(?:-----END [^-]{1,64}-----|$)/g, '[removed PEM]'],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 [removed]'],
  [/\b((?:set-)?cookie["']?\s*[:=]\s*)[^\r\n]+/gi, '$1[removed]'],
  [
    /(["']?\b(?:pass\w*|\w*password|otp\w*|totp_code|\w*secret\w*|\w*token\w*|\w*_key)["']?\s*[:=]\s*)("[^"]*"|'[^']*'|[^\s&,;}]+)/gi,
    '$1[removed]',
  ],
]

/** Keys, certificates and tickets are long, mixed and without words; paths and hexadecimal names are not. */
function isEncodedSecret(run: string): boolean {
  return /[A-Z]/.test(run) && /[a-z]/.test(run) && /\d/.test(run) && run.split('/').some(part => part.length >= 24)
}

export function redactText(text: string): string {
  let clean = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement)
  return clean.replace(/[\w+/=-]{60,}/g, run => (isEncodedSecret(run) ? `[removed ${run.length} characters]` : run))
}

export function redactFacts(facts: Facts): Facts {
  const clean: Record<string, Facts[string]> = {}
  for (const [name, value] of Object.entries(facts)) {
    if (SECRET_NAME.test(name)) clean[name] = REMOVED
    else if (typeof value === 'string') clean[name] = redactText(value)
    else clean[name] = Array.isArray(value) ? value.map(redactText) : value
  }
  return clean
}

/** Longest chain of causes that is written: libraries can make rings. */
const MAX_CAUSES = 5

/** Deeper than anything of ours; it also ends rings. */
const MAX_DEPTH = 6

/** Any value, for what was read back from a file: whoever wrote it may not have removed its secrets. */
export function redactValue(value: unknown, depth = 0): unknown {
  if (typeof value === 'string') return redactText(value)
  if (typeof value !== 'object' || value === null) return value
  if (depth === MAX_DEPTH) return '…'
  if (Array.isArray(value)) return value.map(item => redactValue(item, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, SECRET_NAME.test(name) ? REMOVED : redactValue(item, depth + 1)]),
  )
}

/** An error as flat text: names, messages and the first stack, without anything secret. */
export function describeThrown(thrown: unknown): string {
  const lines: string[] = []
  let error = thrown
  for (let depth = 0; depth < MAX_CAUSES && error !== undefined && error !== null; depth += 1) {
    const text = error instanceof Error ? (depth === 0 ? (error.stack ?? String(error)) : String(error)) : String(error)
    lines.push(redactText(depth === 0 ? text : `caused by ${text}`))
    error = error instanceof Error ? error.cause : undefined
  }
  return lines.join('\n')
}
