import { PorticoError } from '../../shared/errors.ts'
import { hasUnprintable } from '../../shared/printable.ts'

/**
 * Sections in files that belong to the user (`~/.pg_service.conf`, `~/.my.cnf`): only ours is touched, and only ours is
 * taken away. Everything else keeps its bytes: comments, order, line endings, a missing last line end.
 */

/** Stands first in a section of ours. Both libpq and MySQL take `#` for a comment at a line's start. */
const MARK = '# Written by Portico; "portico db logout" removes it.'

interface Found {
  readonly start: number
  readonly end: number
  readonly isOurs: boolean
}

/** @throws PorticoError `usage/invalid` for a name that such a file cannot hold */
export function checkSectionName(section: string): void {
  if (/[\]\r\n]/.test(section) || hasUnprintable(section) || section.trim() !== section || section === '')
    throw new PorticoError('usage/invalid', {
      why: 'this name cannot be a section of a configuration file',
      next: 'leave --write out, and use portico db config',
    })
}

/** Every section of that name, in order. A section ends where the next begins. */
function findSections(text: string, section: string): readonly Found[] {
  const heads = [...text.matchAll(/^[ \t]*\[([^\]\r\n]*)\][^\r\n]*(?:\r\n|\n|$)/gm)]
  return heads.flatMap((head, index) => {
    if (head[1] !== section) return []
    const end = heads[index + 1]?.index ?? text.length
    return [{ start: head.index, end, isOurs: text.slice(head.index + head[0].length, end).startsWith(MARK) }]
  })
}

/** What follows our lines up to the next section is the user's: comments that stand above that section. */
function ownEnd(text: string, { start, end }: Found): number {
  const lines = text.slice(start, end).split(/(?<=\n)/)
  let length = 0
  for (const [index, line] of lines.entries()) {
    if (index > 1 && !/^[^\s#;[][^\r\n]*=/.test(line)) break
    length += line.length
  }
  return start + length
}

/**
 * Puts a section in, or anew where it stood.
 * @param text the file, one character a byte
 * @throws PorticoError `usage/invalid` when somebody else wrote a section of that name
 */
export function putSection(text: string, section: string, lines: readonly string[], path: string): string {
  const found = findSections(text, section)
  if (found.some(({ isOurs }) => !isOurs))
    throw new PorticoError('usage/invalid', {
      why: `${path} has a section [${section}] that Portico did not write`,
      next: 'rename or remove that section, or leave --write out',
    })
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const own = [`[${section}]`, MARK, ...lines].join(eol)
  const [there] = found
  if (there !== undefined) {
    const end = ownEnd(text, there)
    const after = text.slice(end)
    return text.slice(0, there.start) + own + (after === '' && !text.endsWith('\n') ? '' : eol) + after
  }
  // An empty line before it, or the line end that was missing: so that the removal knows which of them was there.
  const gap = text === '' ? '' : eol
  return `${text}${gap}${own}${eol}`
}

/** Takes a section of ours away, with the empty line that was put before it. A section of somebody else's stays. */
export function removeSection(text: string, section: string): string {
  const there = findSections(text, section).find(({ isOurs }) => isOurs)
  if (there === undefined) return text
  const before = text.slice(0, there.start)
  const after = text.slice(ownEnd(text, there))
  // The empty line before it, or at the end of a file the line end before it, was ours.
  const gap = after === '' ? /\r?\n$/ : /(?<=\n)\r?\n$/
  return before.replace(gap, '') + after
}
