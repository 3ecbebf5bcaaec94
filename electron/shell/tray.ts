import { Menu, nativeImage, Tray, type MenuItemConstructorOptions } from 'electron'
import type { FollowedState } from './follow-state.ts'
import { trayMenu, trayTip, type TrayAction, type TrayLine } from './tray-menu.ts'

export interface TrayOptions {
  readonly followed: FollowedState
  /** macOS: a template image, which the system colours. */
  readonly icon: string
  readonly platform: NodeJS.Platform
  act(action: TrayAction): void
}

/** Draws the tray anew only when a line of it changed: counters move four times a second. @returns its end */
export function openTray({ followed, icon, platform, act }: TrayOptions): () => void {
  const image = nativeImage.createFromPath(icon)
  if (platform === 'darwin') image.setTemplateImage(true)
  const tray = new Tray(image)
  let drawn = ''
  const draw = (): void => {
    const lines = trayMenu(followed.state)
    const tip = trayTip(followed.state)
    const now = JSON.stringify([lines, tip])
    if (now === drawn) return
    drawn = now
    tray.setToolTip(tip)
    tray.setContextMenu(Menu.buildFromTemplate(lines.map(line => itemOf(line, act))))
  }
  draw()
  const stop = followed.onChange(draw)
  // On macOS a click opens the menu; elsewhere it opens the window and the other button the menu.
  if (platform !== 'darwin') tray.on('click', () => act({ do: 'open-window' }))
  return () => {
    stop()
    tray.destroy()
  }
}

function itemOf(line: TrayLine, act: (action: TrayAction) => void): MenuItemConstructorOptions {
  if ('separator' in line) return { type: 'separator' }
  if ('heading' in line) return { label: line.heading, enabled: false }
  const { label, action, checked } = line
  return {
    // A single & would mark the next letter instead of being shown.
    label: label.replaceAll('&', '&&'),
    enabled: action !== undefined,
    ...(checked === undefined ? {} : { type: 'checkbox', checked }),
    ...(action === undefined ? {} : { click: () => act(action) }),
  }
}
