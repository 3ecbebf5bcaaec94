import { homedir } from 'node:os'
import { app } from 'electron'
import type { Settings } from '../../shared/state.ts'
import type { Log } from '../log/log.ts'
import { setAutostart } from './autostart.ts'

/** Given to a start by the system that should show no window. */
export const HIDDEN_FLAG = '--hidden'

/** Whether the system starts us at login, as the settings say. A system that refuses is logged, no more: nothing else depends on it. */
export function applyLoginItem({ startAtLogin, startHidden }: Settings, log: Log): void {
  const args = [...(app.isPackaged ? [] : [app.getAppPath()]), ...(startHidden ? [HIDDEN_FLAG] : [])]
  try {
    if (process.platform === 'linux') {
      // An AppImage is mounted elsewhere at each start; its own file is what stays.
      const program = process.env['APPIMAGE'] ?? process.execPath
      setAutostart(startAtLogin, { env: process.env, userHome: homedir(), command: [program, ...args] })
    } else if (process.platform === 'win32') {
      app.setLoginItemSettings({ openAtLogin: startAtLogin, path: process.execPath, args })
    } else if (app.isPackaged) {
      // macOS takes no arguments; `startsHidden` asks the system instead.
      app.setLoginItemSettings({ openAtLogin: startAtLogin })
    }
  } catch (thrown) {
    log.warn('login-item.failed', { startAtLogin }, thrown)
  }
}

/** Whether this start shows no window. */
export function startsHidden(words: readonly string[], { startHidden }: Settings): boolean {
  if (words.includes(HIDDEN_FLAG)) return true
  return process.platform === 'darwin' && startHidden && app.getLoginItemSettings().wasOpenedAtLogin
}
