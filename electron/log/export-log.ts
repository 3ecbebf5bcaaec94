import { open } from 'node:fs/promises'
import { logFiles, parseEntry } from './read-log.ts'

const WRITE_CHARACTERS = 64 * 1024

/**
 * Writes the whole log as text that a person can read and send: oldest line first, secrets removed, what is no line of ours left out.
 * @param title first line: which program, on what
 * @throws what the file system says
 */
export async function exportLog(folder: string, target: string, title: string): Promise<void> {
  const out = await open(target, 'w', 0o600)
  try {
    let text = `${title}\n\n`
    for (const path of logFiles(folder).toReversed()) {
      const file = await open(path, 'r').catch(() => undefined)
      if (file === undefined) continue
      for await (const line of file.readLines()) {
        text += textOf(line)
        if (text.length < WRITE_CHARACTERS) continue
        await out.write(text)
        text = ''
      }
    }
    await out.write(text)
  } finally {
    await out.close()
  }
}

function textOf(line: string): string {
  const entry = parseEntry(line)
  if (entry === undefined) return ''
  const { error, ...facts } = entry.facts
  const told = Object.keys(facts).length === 0 ? '' : ` ${JSON.stringify(facts)}`
  const stack = typeof error === 'string' ? `\n    ${error.replaceAll('\n', '\n    ')}` : ''
  return `${new Date(entry.at).toISOString()} ${entry.level.padEnd(5)} ${entry.event}${told}${stack}\n`
}
