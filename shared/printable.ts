/** C0, DEL, C1, and what reorders or hides text on a terminal. Lone surrogates would be written as garbage. */
// oxlint-disable-next-line no-control-regex
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]/u
const EVERY_UNPRINTABLE = new RegExp(UNPRINTABLE.source, 'gu')

export function hasUnprintable(text: string): boolean {
  return UNPRINTABLE.test(text)
}

export function replaceUnprintable(text: string, replacement: (character: string) => string): string {
  return text.replace(EVERY_UNPRINTABLE, replacement)
}

/** For a terminal or a list: what a server chose, with every character that could steer or fool its reader shown as `\x1b` or `\u202e`. */
export function printable(text: string): string {
  return replaceUnprintable(text, character => {
    const code = character.codePointAt(0)!
    return code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}
