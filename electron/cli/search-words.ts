/** `--search` takes words apart by spaces and commas, as tsh does. */
export function wordsOf(text: string): readonly string[] {
  return text.split(/[\s,]+/).filter(word => word !== '')
}
