import { expect, test } from 'vitest'
import { explainTrouble, isChatter } from '../../../electron/build/runtime-trouble.mjs'

test('a refused sandbox is explained in the words of Ubuntu 24.04', () => {
  const stderr = '[1:1124/1.2:FATAL:setuid_sandbox_host.cc(163)] The SUID sandbox helper binary was found, but is not configured correctly.'
  const lines = explainTrouble(stderr)
  expect(lines[0]).toBe('this system refused the sandbox of the window')
  expect(lines.join('\n')).toContain('apparmor_restrict_unprivileged_userns=0')
  expect(lines.join('\n')).toContain('chmod 4755')
})

test('a missing library names its package', () => {
  expect(explainTrouble('electron: error while loading shared libraries: libnss3.so: cannot open shared object file')).toEqual([
    'a library of the desktop is missing: libnss3.so',
    expect.stringContaining('libnss3'),
  ])
})

test('a display that does not answer is said as such', () => {
  expect(explainTrouble('[9:1124/1.2:ERROR:ozone_platform_x11.cc(240)] Missing X server or $DISPLAY')).toEqual([
    'the display does not answer',
  ])
})

test('anything else shows the last line that is not chatter', () => {
  expect(explainTrouble('portico: the app could not start: no\n[9:1124/1.2:ERROR:bus.cc(407)] Failed to connect to the bus\n')).toEqual([
    'Electron ended: portico: the app could not start: no',
  ])
  expect(explainTrouble('')).toEqual(['Electron ended at once'])
})

test('chatter of a healthy Chromium is not shown, our own lines are', () => {
  expect(isChatter('[9:1124/141500.123456:ERROR:bus.cc(407)] Failed to connect to the bus')).toBe(true)
  expect(isChatter('portico: app.uncaught: TypeError')).toBe(false)
})
