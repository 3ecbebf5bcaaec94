import { expect, test } from 'vitest'
import { isOurFrame, isOurUrl, PAGE_URL } from '../../../electron/shell/our-page.ts'

const top = { url: PAGE_URL, frameTreeNodeId: 1 }

test('the top frame of our window on our page may ask', () => {
  expect(isOurFrame(top, top)).toBe(true)
})

test('nobody else may', () => {
  expect(isOurFrame({ url: PAGE_URL, frameTreeNodeId: 2 }, top)).toBe(false)
  expect(isOurFrame({ url: 'https://example.com/', frameTreeNodeId: 1 }, top)).toBe(false)
  expect(isOurFrame(null, top)).toBe(false)
  expect(isOurFrame(top, undefined)).toBe(false)
})

test.each(['portico://window.example.com/', 'portico://windowx/', 'portico://other/index.html', 'file:///index.html', 'about:blank', ''])(
  '%s is not our page',
  url => {
    expect(isOurUrl(url)).toBe(false)
  },
)
