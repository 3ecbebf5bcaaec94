import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import type { ElectronApplication } from '@playwright/test'

/** A desktop whose bus says that somebody shows tray icons, with a configuration folder of its own. */
export function desktopWithTray(): { readonly env: Record<string, string>; readonly config: string; remove(): void } {
  const config = mkdtempSync(join(tmpdir(), 'portico desktop '))
  const bus = join(config, 'bin')
  mkdirSync(bus)
  writeFileSync(join(bus, 'gdbus'), '#!/bin/sh\necho "(true,)"\n')
  chmodSync(join(bus, 'gdbus'), 0o755)
  const env = {
    PATH: `${bus}${delimiter}${process.env['PATH'] ?? ''}`,
    DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent/bus',
    XDG_CONFIG_HOME: config,
  }
  return { env, config, remove: () => rmSync(config, { recursive: true, force: true }) }
}

/** No session bus, so no tray: the same on every machine. */
export const DESKTOP_WITHOUT_TRAY = { DBUS_SESSION_BUS_ADDRESS: '', XDG_RUNTIME_DIR: '' }

/** What the app showed a person outside its window. Menus, notifications and boxes of a system cannot be clicked here. */
export interface Seen {
  menu: { label?: string; checked?: boolean; click?: () => void }[]
  notes: { title: string; body: string; emit(event: string): void }[]
  boxes: string[]
}

/** Collects it in the app itself, as `globalThis.seen`. Questions are answered with their second button. */
export async function watchDesktop(electron: ElectronApplication): Promise<void> {
  await electron.evaluate(({ Menu, Notification, dialog }) => {
    const seen: Seen = { menu: [], notes: [], boxes: [] }
    Object.assign(globalThis, { seen })
    const build = Menu.buildFromTemplate.bind(Menu)
    Menu.buildFromTemplate = template => {
      seen.menu = template as Seen['menu']
      return build(template)
    }
    Notification.isSupported = () => true
    Notification.prototype.show = function show(this: Electron.Notification) {
      seen.notes.push(this)
    }
    dialog.showMessageBox = ((options: { message: string; detail?: string }) => {
      seen.boxes.push(`${options.message}\n${options.detail ?? ''}`)
      return Promise.resolve({ response: 1, checkboxChecked: false })
    }) as unknown as typeof dialog.showMessageBox
  })
}

export function seenBy(electron: ElectronApplication): Promise<{ menu: string[]; notes: string[]; boxes: string[] }> {
  return electron.evaluate(() => {
    const { menu, notes, boxes } = (globalThis as unknown as { seen: Seen }).seen
    const lines = menu.flatMap(({ label, checked }) =>
      label === undefined ? [] : [checked === undefined ? label : `${checked ? '[x]' : '[ ]'} ${label}`],
    )
    return { menu: lines, notes: notes.map(({ title }) => title), boxes }
  })
}

/** Clicks the first line of the tray that begins so and can be clicked. */
export function clickTray(electron: ElectronApplication, start: string): Promise<void> {
  return electron.evaluate((_electron, wanted) => {
    const { menu } = (globalThis as unknown as { seen: Seen }).seen
    menu.find(({ label, click }) => label?.startsWith(wanted) === true && click !== undefined)!.click!()
  }, start)
}
