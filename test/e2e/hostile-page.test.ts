import { readdirSync, readFileSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type {} from '../../renderer/bridge.ts'
import { contract, type Question } from '../../shared/contract.ts'
import { emptyHome, openAppUnderTest, type AppUnderTest } from '../kit/app-under-test.ts'
import { DESKTOP_WITHOUT_TRAY } from '../kit/desktop-with-tray.ts'

/** What a page gone wrong could try. The page is ours and the checks are in main: so nothing of this may work. */
const { home, remove } = emptyHome()
let app: AppUnderTest
beforeAll(async () => {
  // Without a tray, the end of the window is the end of the app.
  app = await openAppUnderTest(home, [], DESKTOP_WITHOUT_TRAY)
})
afterAll(async () => {
  await app.electron.close().catch(() => {})
  remove()
})

/** Files of ours and when they were written; Chromium's own and the log apart. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(path => !path.startsWith(join(folder, 'window')) && !path.startsWith(join(folder, 'logs')))
    .map(path => `${path} ${statSync(path).mtimeMs}`)
    .toSorted()
}

/** Asks without the types in the way. */
function askRaw(question: unknown, ask: unknown): Promise<{ ok: boolean; failure?: { code: string } }> {
  return app.page.evaluate(
    ([q, a]) => window.portico!.ask(q as 'state.read', a as Record<string, never>) as Promise<{ ok: boolean; failure?: { code: string } }>,
    [question, ask],
  )
}

const RUBBISH = [
  null,
  7,
  'x',
  [],
  [{}],
  true,
  { more: 1 },
  { proxy: 7 },
  { proxy: 'x'.repeat(100_000) },
  { resource: '/etc/passwd' },
  { tunnel: {} },
  { text: 'x'.repeat(100_000) },
]

/** What a page of ours would send, a little wrong. */
const NEARLY: Partial<Record<Question, readonly unknown[]>> = {
  'settings.write': [{ theme: 'pink' }, { groupBy: 7 }, { terminal: 'x'.repeat(2_000) }, { theme: 'dark', more: 1 }, { __proto__x: 1 }],
  'favourite.set': [
    { resource: '/clusters/a/db/../b', on: true },
    { resource: '/clusters/a/node/b', on: true },
    { resource: `/clusters/a/db/${'x'.repeat(3_000)}`, on: true },
    { resource: '/clusters/a/db/b', on: 'yes' },
    { resource: '/clusters/a/db/b' },
  ],
  'tunnel.start': [
    { resource: '/clusters/a/db/b', port: -1 },
    { resource: '/clusters/a/db/b', port: 65_536 },
    { resource: '/clusters/a/db/b', port: 1.5 },
    { resource: '/clusters/a/db/b', mode: 'root' },
    { resource: '/clusters/a/db/b', databaseUser: ['a'] },
  ],
  'cluster.use': [{ cluster: '' }, { cluster: 'x'.repeat(300) }],
  'log.read': [
    { limit: 0, level: 'info' },
    { limit: 1e9, level: 'info' },
    { limit: 5, level: 'trace' },
    { limit: 5, level: 'info', file: '/etc/passwd' },
  ],
  'log.export': [{ path: '/etc/cron.d/x' }],
  'tools.open': [
    { resource: '/clusters/a/db/b', tool: '' },
    { resource: '/clusters/a/db/b', tool: '/bin/sh', args: ['-c', 'x'] },
  ],
  'login.look': [{ proxy: 'a', caFile: '/etc/passwd' }],
  'trust.choose': [{ proxy: 'a', path: '/etc/passwd' }],
  'connection.close': [
    { tunnel: 'x', connection: -1 },
    { tunnel: 'x', connection: 0.5 },
  ],
  'engine.stop': [{ force: true }],
}

test.each(Object.keys(contract) as Question[])('%s refuses rubbish, and nothing changes', async question => {
  const state = () => app.page.evaluate(() => window.portico!.ask('state.read', {}))
  const [before, files] = [await state(), filesOf(home)]
  for (const ask of [...RUBBISH, ...(NEARLY[question] ?? [])]) {
    const reply = await askRaw(question, ask)
    expect(reply, JSON.stringify(ask)?.slice(0, 60)).toMatchObject({ ok: false, failure: { code: 'usage/invalid' } })
  }
  expect(await state()).toEqual(before)
  expect(filesOf(home)).toEqual(files)
})

test.each(['', 'state.write', '__proto__', 'toString', 'constructor', 7, null, {}])('there is no question %j', async question => {
  expect(await askRaw(question, {})).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
})

test('the page has the bridge and nothing of Node or Electron', async () => {
  const found = await app.page.evaluate(() => ({
    bridge: Object.keys(window.portico!).toSorted(),
    others: ['require', 'process', 'module', 'Buffer', 'electron', 'ipcRenderer'].filter(name => name in globalThis),
  }))
  expect(found).toEqual({ bridge: ['ask', 'onChange'], others: [] })
})

test('the page cannot leave, open windows, run text as code, or fetch', async () => {
  const { electron, page } = app
  const before = page.url()
  const tried = await page.evaluate(async () => {
    const opened = window.open('https://example.com')
    location.href = 'https://example.com/'
    const ran = await new Promise(resolve => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.ran = true'
      document.head.append(script)
      setTimeout(() => resolve('ran' in globalThis), 100)
    })
    const fetched = await fetch('https://example.com/').then(
      () => true,
      () => false,
    )
    const file = await fetch('portico://window/..%2f..%2fpackage.json').then(
      answer => answer.ok,
      () => false,
    )
    return { opened: opened !== null, ran, fetched, file }
  })
  expect(tried).toEqual({ opened: false, ran: false, fetched: false, file: false })
  expect(page.url()).toBe(before)
  expect(electron.windows()).toHaveLength(1)
})

/** Everything that a stranger's page could be asked for. Each tells whether it got what it wanted. */
test('permissions are refused, asked for or looked up', async () => {
  const got = await app.page.evaluate(async () => {
    const wish = (ask: () => unknown): Promise<string> =>
      Promise.race([
        Promise.resolve()
          .then(ask)
          .then(
            answer => (answer === 'denied' || answer === false ? 'refused' : `granted ${String(answer)}`),
            () => 'refused',
          ),
        new Promise<string>(resolve => setTimeout(() => resolve('no answer'), 3_000)),
      ])
    const any = navigator as unknown as Record<string, any>
    const query = async (name: string): Promise<string> => (await navigator.permissions.query({ name: name as PermissionName })).state
    return {
      geolocation: await wish(() => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject))),
      notifications: await wish(() => Notification.requestPermission()),
      camera: await wish(() => navigator.mediaDevices.getUserMedia({ video: true })),
      microphone: await wish(() => navigator.mediaDevices.getUserMedia({ audio: true })),
      screen: await wish(() => navigator.mediaDevices.getDisplayMedia()),
      clipboard: await wish(() => navigator.clipboard.readText()),
      midi: await wish(() => any['requestMIDIAccess']({ sysex: true })),
      usb: await wish(() => any['usb'].requestDevice({ filters: [] })),
      hid: await wish(async () => (await any['hid'].requestDevice({ filters: [] })).length > 0),
      serial: await wish(() => any['serial'].requestPort()),
      bluetooth: await wish(() => any['bluetooth'].requestDevice({ acceptAllDevices: true })),
      persist: await wish(() => navigator.storage.persist()),
      geolocationState: await wish(() => query('geolocation')),
      notificationsState: await wish(() => query('notifications')),
      cameraState: await wish(() => query('camera')),
    }
  })
  expect(Object.entries(got).filter(([, answer]) => answer !== 'refused')).toEqual([])
  // This one is refused without a word.
  await app.page.evaluate(() => void document.documentElement.requestFullscreen().catch(() => {}))
  expect(await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.isFullScreen())).toBe(false)
})

describe('a page that is taken over', () => {
  const reached: string[] = []
  const server = createServer((request, response) => {
    reached.push(`${request.method} ${request.url}`)
    response.setHeader('access-control-allow-origin', '*').end('<script>1</script>')
  })
  let stranger: string
  beforeAll(async () => {
    server.on('upgrade', (request, socket) => {
      reached.push(`upgrade ${request.url}`)
      socket.destroy()
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    stranger = `127.0.0.1:${(server.address() as AddressInfo).port}`
    // Whoever runs code in the renderer is past the page's own policy: what holds must hold without it.
    const session = await app.page.context().newCDPSession(app.page)
    await session.send('Page.setBypassCSP', { enabled: true })
    await app.page.reload()
  })
  afterAll(() => void server.close())
  const state = () =>
    app.electron.evaluate(({ webContents }) => webContents.getAllWebContents().map(page => ({ url: page.getURL(), type: page.getType() })))

  test('reaches no server, whatever it loads', async () => {
    const ran = await app.page.evaluate(async host => {
      const script = document.createElement('script')
      script.textContent = 'globalThis.policyIsGone = true'
      document.head.append(script)
      const add = (tag: string, attributes: Record<string, string>): void => {
        const element = document.createElement(tag)
        for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
        document.body.append(element)
      }
      add('img', { src: `http://${host}/img` })
      add('script', { src: `http://${host}/script` })
      add('link', { rel: 'stylesheet', href: `http://${host}/style` })
      add('link', { rel: 'prefetch', href: `http://${host}/prefetch` })
      add('iframe', { src: `http://${host}/iframe` })
      add('object', { data: `http://${host}/object` })
      add('embed', { src: `http://${host}/embed` })
      add('video', { src: `http://${host}/video` })
      add('webview', { src: `http://${host}/webview` })
      navigator.sendBeacon(`http://${host}/beacon`, 'x')
      new WebSocket(`ws://${host}/socket`).onerror = () => {}
      new EventSource(`http://${host}/events`).onerror = () => {}
      new Worker(URL.createObjectURL(new Blob([`fetch('http://${host}/worker').catch(() => {})`]))).onerror = () => {}
      const fetched = await fetch(`http://${host}/fetch`, { mode: 'no-cors' }).then(
        () => true,
        () => false,
      )
      await new Promise(resolve => setTimeout(resolve, 500))
      return { fetched, policyIsGone: 'policyIsGone' in globalThis }
    }, stranger)
    expect(ran).toEqual({ fetched: false, policyIsGone: true })
    expect(reached).toEqual([])
  })

  test('goes nowhere else and opens nothing', async () => {
    const before = await state()
    expect(before).toHaveLength(1)
    const places = [
      `http://${stranger}/go`,
      'https://example.com/',
      'file:///etc/passwd',
      'data:text/html,<script>1</script>',
      'about:blank',
      'portico://open/db/x',
      'portico://other/index.html',
      'portico://window.evil/index.html',
      'view-source:portico://window/index.html',
      'chrome://gpu',
      'devtools://devtools/bundled/inspector.html',
    ]
    for (const place of places) {
      const tried = app.page.evaluate(async url => {
        const quiet = (work: () => unknown): void => {
          try {
            work()
          } catch {
            /* refused at once */
          }
        }
        quiet(() => window.open(url))
        quiet(() => window.open(url, '_self'))
        quiet(() => window.open(url, 'named', 'popup'))
        const link = Object.assign(document.createElement('a'), { href: url, target: '_blank' })
        document.body.append(link)
        quiet(() => link.click())
        const form = Object.assign(document.createElement('form'), { action: url, method: 'post' })
        document.body.append(form)
        quiet(() => form.submit())
        quiet(() => location.assign(url))
        await new Promise(resolve => setTimeout(resolve, 50))
      }, place)
      // about:blank takes the page with it, for a moment.
      await tried.catch(() => {})
      await expect.poll(state, { message: place }).toEqual(before)
      await app.page.waitForFunction(() => window.portico !== undefined)
    }
    expect(reached).toEqual([])
  })

  test('downloads nothing', async () => {
    await app.page.evaluate(async () => {
      const link = document.createElement('a')
      link.download = 'x.desktop'
      link.href = URL.createObjectURL(new Blob(['[Desktop Entry]']))
      document.body.append(link)
      link.click()
      await new Promise(resolve => setTimeout(resolve, 200))
    })
    expect(readFileSync(join(home, 'logs', 'portico.log'), 'utf8')).toContain('window.download-refused')
  })

  test('keeps its window from closing as little as anything else', async () => {
    // Only a page that somebody clicked in may hold its window.
    await app.electron.evaluate(({ BrowserWindow }) => {
      const { webContents } = BrowserWindow.getAllWindows()[0]!
      for (const type of ['mouseDown', 'mouseUp'] as const) webContents.sendInputEvent({ type, x: 3, y: 3, button: 'left', clickCount: 1 })
    })
    await app.page.evaluate(() => addEventListener('beforeunload', event => event.preventDefault()))
    const ended = new Promise(resolve => app.electron.process().once('exit', resolve))
    await app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.close())
    expect(await ended).toBe(0)
  })
})
