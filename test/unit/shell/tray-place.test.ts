import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hasTrayPlace } from '../../../electron/shell/tray-place.ts'

let programs: string
const path = process.env['PATH']
beforeEach(() => {
  programs = mkdtempSync(join(tmpdir(), 'portico bus '))
  process.env['PATH'] = programs
})
afterEach(() => {
  process.env['PATH'] = path
  rmSync(programs, { recursive: true, force: true })
})
const BUS = { DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' }
function install(name: string, script: string): void {
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`)
  chmodSync(join(programs, name), 0o755)
}

test('macOS and Windows always show tray icons; Linux without a session bus never does', async () => {
  expect(await hasTrayPlace('darwin', {})).toBe(true)
  expect(await hasTrayPlace('win32', {})).toBe(true)
  install('gdbus', 'echo "(true,)"')
  expect(await hasTrayPlace('linux', {})).toBe(false)
  expect(await hasTrayPlace('linux', { DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '/nonexistent' })).toBe(false)
})

test.skipIf(process.platform === 'win32').each([
  ['gdbus', 'echo "(true,)"', true],
  ['gdbus', 'echo "(false,)"', false],
  ['dbus-send', 'echo "method return time=1"; echo "   boolean true"', true],
  ['busctl', 'echo "b true"', true],
  ['busctl', 'echo "b false"', false],
  ['gdbus', 'echo "Error connecting: true enough" >&2; exit 1', false],
])('%s answering %j', async (program, script, there) => {
  install(program, script)
  expect(await hasTrayPlace('linux', BUS)).toBe(there)
})

test('without any program that can ask there is no tray', async () => {
  expect(await hasTrayPlace('linux', BUS)).toBe(false)
})
