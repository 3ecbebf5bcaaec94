import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, expect, test } from 'vitest'
import { emptyHome, environment, openAppUnderTest, ROOT, type AppUnderTest } from '../kit/app-under-test.ts'

const { home, remove } = emptyHome()
const other = emptyHome()
const opened: AppUnderTest[] = []
afterAll(async () => {
  for (const { electron } of opened) await electron.close()
  remove()
  other.remove()
})

test('a second start ends at once and brings the first window to the front; another home is another app', async () => {
  const first = await openAppUnderTest(home)
  opened.push(first)
  await first.electron.evaluate(({ app, BrowserWindow }) => {
    const counts = globalThis as unknown as { starts: number }
    counts.starts = 0
    app.on('second-instance', () => counts.starts++)
    BrowserWindow.getAllWindows()[0]!.hide()
  })
  const program = first.electron.process().spawnfile
  const second = spawn(program, [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', ROOT], {
    cwd: ROOT,
    env: environment(home),
    stdio: 'ignore',
  })
  const [code] = await once(second, 'exit')
  expect(code).toBe(0)
  const seen = await first.electron.evaluate(({ BrowserWindow }) => ({
    starts: (globalThis as unknown as { starts: number }).starts,
    windows: BrowserWindow.getAllWindows().length,
    visible: BrowserWindow.getAllWindows()[0]!.isVisible(),
  }))
  expect(seen).toEqual({ starts: 1, windows: 1, visible: true })

  opened.push(await openAppUnderTest(other.home))
})
