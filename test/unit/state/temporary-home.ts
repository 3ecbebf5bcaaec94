import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach } from 'vitest'
import { openHome, type Home } from '../../../electron/state/home.ts'

const made: string[] = []
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true })
})

/** A home with a space and a letter outside ASCII in its path, gone after the test. */
export function temporaryHome(): Home {
  const folder = mkdtempSync(join(tmpdir(), 'portico-état '))
  made.push(folder)
  const home = openHome({ PORTICO_HOME: join(folder, 'home'), XDG_RUNTIME_DIR: folder }, process.platform)
  return home
}
