import { realpath } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import { DEFAULT_SETTINGS, type Settings } from '../../shared/state.ts'
import { readFileIfThere, writeFileAtomic } from './atomic-file.ts'
import type { Home } from './home.ts'
import { withLock } from './lock.ts'
import type { Notice } from './notice.ts'
import { readSettings, SETTINGS_SCHEMA_FILE, settingsSchema, writeSettings, type SettingsFault } from './settings-text.ts'
import { watchFile } from './watch-file.ts'

const MAX_BYTES = 256 * 1024

/** `settings.yaml` of a home: written by people and by us, read by the window, the engine and the CLI. */
export interface SettingsFile {
  /** Complete. What is absent has its default; what is wrong, the last value that was right. */
  readonly value: Settings
  /** What is wrong with the file now, naming the line; undefined = nothing. Its id is another one for another fault. */
  readonly notice: Notice | undefined
  /**
   * Sets keys and keeps the rest of the file with its comments.
   * @throws PorticoError `state/unwritable` (naming the line of a file that is no YAML), `state/disk-full`; the old file stays
   */
  write(change: Partial<Settings>): Promise<Settings>
  /** Calls when value or notice changed, whoever changed the file. @returns its unsubscribe */
  onChange(listener: () => void): () => void
  close(): void
}

/** Never fails for what the file holds: its faults are a notice. */
export async function openSettings(home: Pick<Home, 'root' | 'settingsFile'>): Promise<SettingsFile> {
  const path = home.settingsFile
  const listeners = new Set<() => void>()
  let value = DEFAULT_SETTINGS
  let notice: Notice | undefined

  const take = (text: string | undefined): void => {
    const { given, wrong, faults, broken } = readSettings(text ?? '')
    const kept = Object.fromEntries(wrong.map(key => [key, value[key]]))
    const next = broken ? value : { ...DEFAULT_SETTINGS, ...kept, ...given }
    const said = faults.length === 0 ? undefined : noticeOf(path, faults)
    const isNews = JSON.stringify([next, said]) !== JSON.stringify([value, notice])
    value = next
    notice = said
    if (isNews) for (const listener of [...listeners]) listener()
  }
  const load = async (): Promise<void> => {
    try {
      take(await readFileIfThere(path, MAX_BYTES))
    } catch (thrown) {
      const { facts } = PorticoError.from(thrown)
      notice = {
        id: 'settings-unreadable',
        text: `Your settings in ${path} could not be read: ${String(facts['why'] ?? 'the system refused')}. Portico goes on with the last ones.`,
      }
      for (const listener of [...listeners]) listener()
    }
  }

  await load()
  const stopWatching = watchFile(path, () => void load())
  return {
    get value() {
      return value
    },
    get notice() {
      return notice
    },
    write: change =>
      withLock(`${path}.lock`, async () => {
        const text = await readFileIfThere(path, MAX_BYTES)
        const { broken, faults } = readSettings(text ?? '')
        if (broken)
          throw new PorticoError('state/unwritable', { path, why: `line ${faults[0]!.line} of settings.yaml is wrong: ${faults[0]!.why}` })
        const written = writeSettings(text, change)
        // A link stays one: people keep such files in a folder of their own.
        const file = text === undefined ? path : await realpath(path)
        if (text === undefined) await writeFileAtomic(join(home.root, SETTINGS_SCHEMA_FILE), settingsSchema())
        await writeFileAtomic(file, written)
        take(written)
        return value
      }),
    onChange(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    close() {
      stopWatching()
      listeners.clear()
    },
  }
}

function noticeOf(path: string, faults: readonly SettingsFault[]): Notice {
  const [{ line, why }, ...more] = faults as [SettingsFault, ...SettingsFault[]]
  const others = more.length === 0 ? '' : ` (also wrong: line ${more.map(fault => fault.line).join(', ')})`
  return {
    id: `settings-${line}-${why}`.slice(0, 64),
    text: `Line ${line} of ${basename(path)} is wrong: ${why}${others}. Portico goes on with the last settings that were right. The file is in ${dirname(path)}.`,
  }
}
