import { expect, it } from 'vitest'
import { openStateBox } from '../../../electron/app/state-box.ts'
import type { Change } from '../../../shared/state.ts'

it('counts changes without gaps and gives whole slices', () => {
  const box = openStateBox()
  const changes: Change[] = []
  const { revision } = box.read()
  const stop = box.onChange(change => void changes.push(change))
  for (let n = 0; n < 5; n++) box.change({ lab: { state: 'starting', step: String(n) } })
  expect(changes.map(change => change.revision)).toEqual([1, 2, 3, 4, 5].map(n => revision + n))
  expect(box.read()).toMatchObject({ revision: revision + 5, state: { lab: { state: 'starting', step: '4' } } })
  stop()
  box.change({ lab: { state: 'off' } })
  expect(changes).toHaveLength(5)
  expect(box.watched).toBe(false)
})
