import { isMap, isScalar, LineCounter, parseDocument, visit, type Document } from 'yaml'
import { z } from 'zod'
import { SettingsShape, type Settings } from '../../shared/state.ts'

/** Reads and changes the text of `settings.yaml`. A key that makes no sense costs that key only. */

/** Where the text is wrong, for a person with an editor. */
export interface SettingsFault {
  /** From 1. */
  readonly line: number
  readonly why: string
}

export interface ReadSettings {
  /** What could be used of it. */
  readonly given: Partial<Settings>
  /** Keys that are there but wrong: their last good value goes on. */
  readonly wrong: readonly (keyof Settings)[]
  readonly faults: readonly SettingsFault[]
  /** Not even YAML: nothing of it may be used, nor written back. */
  readonly broken: boolean
}

const KEYS = Object.keys(SettingsShape.shape) as readonly (keyof Settings)[]
const isKey = (name: string): name is keyof Settings => (KEYS as readonly string[]).includes(name)

export function readSettings(text: string): ReadSettings {
  const lines = new LineCounter()
  const document = parse(text, lines)
  const lineAt = (offset: number | undefined): number => lines.linePos(offset ?? 0).line || 1
  const [error] = document.errors
  if (error !== undefined) {
    const [why = ''] = error.message.split('\n')
    return broken(lineAt(error.pos[0]), why.replace(/ at line \d+, column \d+:?$/, ''))
  }
  const alias = firstAlias(document)
  if (alias !== undefined) return broken(lineAt(alias), 'names with * cannot be used here')
  const { contents } = document
  if (contents === null) return { given: {}, wrong: [], faults: [], broken: false }
  if (!isMap(contents)) return broken(lineAt(contents.range?.[0]), 'it must hold lines of the form "key: value"')

  const given: Record<string, unknown> = {}
  const wrong: (keyof Settings)[] = []
  const faults: SettingsFault[] = []
  for (const { key, value } of contents.items) {
    const { range, value: name } = Object(key) as { range?: readonly number[]; value?: unknown }
    const line = lineAt(range?.[0])
    if (typeof name !== 'string' || !isKey(name)) {
      faults.push({ line, why: `there is no setting "${String(name).slice(0, 64)}"` })
      continue
    }
    const parsed = SettingsShape.shape[name].safeParse(isScalar(value) ? value.value : value)
    if (parsed.success) given[name] = parsed.data
    else {
      wrong.push(name)
      faults.push({ line, why: `${name} must be ${allowed(name)}` })
    }
  }
  return { given, wrong, faults, broken: false }
}

/**
 * Changes some keys and leaves everything else as it was written: comments, order, keys of other versions.
 * @param text must not be `broken`; undefined = there is no file yet
 */
export function writeSettings(text: string | undefined, change: Partial<Settings>): string {
  const document = parse(text === undefined || text.trim() === '' ? HEADER : text, new LineCounter())
  for (const key of KEYS) if (change[key] !== undefined) document.set(key, change[key])
  return document.toString({ lineWidth: 0 })
}

/** Beside the file, so that it holds wherever Portico is installed. */
export const SETTINGS_SCHEMA_FILE = 'settings.schema.json'
const HEADER = `# yaml-language-server: $schema=./${SETTINGS_SCHEMA_FILE}
# Settings of Portico. Changes count as soon as the file is saved; the window writes here too and keeps your comments.
`

/** For editors. `assets/settings.schema.json` is this text. */
export function settingsSchema(): string {
  const { $schema, properties } = z.toJSONSchema(SettingsShape)
  // No key is required: what is absent has its default.
  return `${JSON.stringify({ $schema, title: 'Settings of Portico', type: 'object', properties, additionalProperties: false }, null, 2)}\n`
}

function parse(text: string, lineCounter: LineCounter): Document {
  return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true, merge: false })
}

/** They are of no use here, can make a small file large, and one that leads nowhere cannot be written back. */
function firstAlias(document: Document): number | undefined {
  let found: number | undefined
  visit(document, {
    Alias(_key, { range }) {
      found = range?.[0] ?? 0
      return visit.BREAK
    },
  })
  return found
}

const broken = (line: number, why: string): ReadSettings => ({ given: {}, wrong: [], faults: [{ line, why }], broken: true })

const ALLOWED: Record<keyof Settings, string> = {
  theme: 'system, light or dark',
  groupBy: 'the key of a label, or null',
  startAtLogin: 'true or false',
  startHidden: 'true or false',
  restoreTunnels: 'true or false',
  notifications: 'true or false',
  terminal: 'the name or path of a program, or null',
}
const allowed = (key: keyof Settings): string => ALLOWED[key]
