import { app, Menu, type MenuItemConstructorOptions } from 'electron'

/** The platform's usual roles: without an Edit menu macOS has no copy and paste. On Linux and Windows the bar stays hidden until Alt. */
export function installMenu(quit: () => void): void {
  Menu.setApplicationMenu(Menu.buildFromTemplate(menuTemplate(process.platform, app.isPackaged, quit)))
}

/** @param quit asks first when connections are open, which the role of that name does not */
export function menuTemplate(platform: NodeJS.Platform, packaged: boolean, quit: () => void): MenuItemConstructorOptions[] {
  const mac = platform === 'darwin'
  const quitItem: MenuItemConstructorOptions = { label: mac ? 'Quit Portico' : '&Quit', accelerator: 'CommandOrControl+Q', click: quit }
  return [
    mac ? { label: 'Portico', submenu: [...MAC_APP_ROLES, { type: 'separator' }, quitItem] } : { label: '&File', submenu: [quitItem] },
    { role: 'editMenu' },
    {
      label: mac ? 'View' : '&View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { type: 'separator' },
        { role: 'togglefullscreen' },
        ...(packaged ? [] : [{ type: 'separator' } as const, { role: 'reload' } as const, { role: 'toggleDevTools' } as const]),
      ],
    },
    { role: 'windowMenu' },
  ]
}

const MAC_APP_ROLES: readonly MenuItemConstructorOptions[] = [
  { role: 'about' },
  { type: 'separator' },
  { role: 'services' },
  { type: 'separator' },
  { role: 'hide' },
  { role: 'hideOthers' },
  { role: 'unhide' },
]
