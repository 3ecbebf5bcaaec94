import { expect, test } from 'vitest'
import { openProxyList } from '../../../../electron/cluster/reverse-tunnel/proxy-list.ts'
import { openMemoryStorage } from '../../../../electron/cluster/storage/memory-storage.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'

const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 10))

async function openLists() {
  let at = 1_000
  const storage = openMemoryStorage({ now: () => at })
  let changes = 0
  const open = (id: string, onChange = (): void => {}) => openProxyList(storage, id, () => at, onChange, NO_LOG)
  const one = await open('one', () => changes++)
  return { one, open, changes: () => changes, wait: (ms: number) => (at += ms) }
}

test('routers that come and go are told, each once', async () => {
  const { one, open, changes } = await openLists()
  expect(one.all()).toEqual(['one'])
  const two = await open('two')
  await settled()
  expect([one.all(), two.all(), changes()]).toEqual([['one', 'two'], ['two', 'one'], 1])
  await two.leave()
  await two.leave()
  await settled()
  expect([one.all(), two.all(), changes()]).toEqual([['one'], ['one'], 2])
  await one.leave()
})

test('a router that was killed and runs again is told though its record has not lapsed', async () => {
  const { one, open, changes, wait } = await openLists()
  await open('two')
  await settled()
  wait(5_000)
  const again = await open('two')
  await settled()
  expect([one.all(), changes()]).toEqual([['one', 'two'], 2])
  await Promise.all([one.leave(), again.leave()])
})
