import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { autostartFile, quoteExec, setAutostart } from '../../../electron/shell/autostart.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'portico autostart '))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('the file is written once it is wanted, rewritten when the command changes, and removed again', () => {
  const options = { env: {}, userHome: folder, command: ['/opt/Portico/portico', '--hidden'] }
  const file = join(folder, '.config', 'autostart', 'portico.desktop')
  setAutostart(false, options)
  expect(existsSync(file)).toBe(false)
  setAutostart(true, options)
  expect(readFileSync(file, 'utf8')).toMatch(
    /^\[Desktop Entry\]\nType=Application\nName=Portico\n[^]*\nExec=\/opt\/Portico\/portico --hidden\n/,
  )
  setAutostart(true, { ...options, command: ['/opt/Portico/portico'] })
  expect(readFileSync(file, 'utf8')).toContain('Exec=/opt/Portico/portico\n')
  setAutostart(false, options)
  setAutostart(false, options)
  expect(existsSync(file)).toBe(false)
})

test('another home is another entry, which starts that home', () => {
  const env = { XDG_CONFIG_HOME: folder, PORTICO_HOME: '/home/ann/my "home"' }
  setAutostart(true, { env, userHome: '/nowhere', command: ['/opt/portico'] })
  const file = autostartFile({ env, userHome: '/nowhere' })
  expect(file.startsWith(join(folder, 'autostart', 'portico-'))).toBe(true)
  expect(readFileSync(file, 'utf8')).toContain('Exec=env "PORTICO_HOME=/home/ann/my \\\\"home\\\\"" /opt/portico\n')
})

// Desktop Entry Specification 1.5, "The Exec key": quoting first, then the escapes of a string.
test.each([
  ['/usr/bin/portico', '/usr/bin/portico'],
  ['/opt/My App/portico', '"/opt/My App/portico"'],
  ['a$b`c"d\\e', '"a\\\\$b\\\\`c\\\\"d\\\\\\\\e"'],
  ['100%', '"100%%"'],
  ['two\nlines', '"two\\nlines"'],
  ['', '""'],
])('%j is quoted as %s', (word, quoted) => {
  expect(quoteExec(word)).toBe(quoted)
})
