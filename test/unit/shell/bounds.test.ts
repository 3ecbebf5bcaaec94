import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { fitPlacement, loadPlacement, savePlacement } from '../../../electron/shell/bounds.ts'

const SCREEN = [{ x: 0, y: 0, width: 1920, height: 1080 }]
const folder = mkdtempSync(join(tmpdir(), 'placement-'))
afterAll(() => rmSync(folder, { recursive: true }))

test('the window comes back where it was', () => {
  const file = join(folder, 'deeper', 'placement.json')
  const placement = { bounds: { x: 10, y: 20, width: 900, height: 600 }, maximized: true }
  savePlacement(file, placement)
  expect(loadPlacement(file, SCREEN)).toEqual(placement)
})

test('a window on a screen that is gone keeps its size only', () => {
  const saved = { bounds: { x: 2500, y: 20, width: 900, height: 600 }, maximized: false }
  expect(fitPlacement(saved, SCREEN)).toEqual({ bounds: { width: 900, height: 600 }, maximized: false })
})

test('no window is smaller than the page can be', () => {
  expect(fitPlacement({ bounds: { x: 0, y: 0, width: 10, height: 10 } }, SCREEN).bounds).toMatchObject({ width: 560, height: 420 })
})

test.each(['', '{', 'null', '[]', '{"bounds":{"x":"0"}}', '{"bounds":{"x":0,"y":0,"width":1e999,"height":3}}'])(
  'a file that holds %j is only a lost position',
  text => {
    const file = join(folder, 'torn.json')
    writeFileSync(file, text)
    expect(loadPlacement(file, SCREEN)).toEqual({ bounds: { width: 1180, height: 740 }, maximized: false })
  },
)

test('a missing file is the first start', () => {
  expect(loadPlacement(join(folder, 'none.json'), SCREEN).maximized).toBe(false)
})
