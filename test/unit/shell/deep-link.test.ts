import { expect, test } from 'vitest'
import { deepLinkIn, pageAt, readDeepLink } from '../../../electron/shell/deep-link.ts'

test.each([
  ['portico://open/db/orders', 'orders', undefined],
  ['portico://open/db/orders?cluster=branch', 'orders', 'branch'],
  ['portico://open/db/a%20b%2Fc?cluster=caf%C3%A9%26x', 'a b/c', 'café&x'],
  ['portico://open/db/..', '..', undefined],
])('%s names one database', (link, name, cluster) => {
  expect(readDeepLink(link)).toEqual({ kind: 'db', name, cluster })
})

test.each([
  '',
  'portico://',
  'portico://open',
  'portico://open/db/',
  'portico://open/db/a/b',
  'portico://open/db/a?connect=1',
  'portico://open/db/a?cluster=b&cluster=c',
  'portico://open/db/a?cluster=b&with=psql',
  'portico://open/db/a?cluster=',
  'portico://open/db/a?',
  'portico://open/db/a#x',
  'portico://open/node/a',
  'portico://window/index.html',
  'portico://user@open/db/a',
  'portico://open:1/db/a',
  'PORTICO://open/db/a',
  'https://open/db/a',
  'portico://open/db/%',
  'portico://open/db/%ff',
  'portico://open/db/a%0ab',
  'portico://open/db/a%e2%80%aeb',
  'portico://open/db/%20',
  'portico://open/db/a\n',
  `portico://open/db/${'x'.repeat(257)}`,
  `portico://open/db/${'x'.repeat(3_000)}`,
])('%j is no link of ours', link => {
  expect(readDeepLink(link)).toBeUndefined()
})

test('the link is found among the words of a start, and only a good one', () => {
  expect(deepLinkIn(['portico', '--flag', 'portico://open/db/a'])).toMatchObject({ name: 'a' })
  expect(deepLinkIn(['portico', 'portico://evil', 'portico://open/db/a'])).toBeUndefined()
  expect(deepLinkIn(['portico', '--with-lab'])).toBeUndefined()
})

test('the page opens at what was named, and stays our page whatever the name is', () => {
  expect(pageAt(undefined)).toBe('portico://window/index.html')
  const url = pageAt({ kind: 'db', name: '../#?&é', cluster: 'a&b=c' })
  expect(url).toBe('portico://window/index.html#/db/..%2F%23%3F%26%C3%A9?cluster=a%26b%3Dc')
})
