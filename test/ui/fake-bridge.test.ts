import { describe, expect, it } from 'vitest'
import { contract, type Question } from '../../shared/contract.ts'
import { fakeBridge } from '../kit/fake-bridge.ts'

// The tests of the window are worth as much as the bridge that they stand on.
const RUBBISH = [
  null,
  7,
  'x',
  [],
  true,
  { more: 1 },
  { proxy: 7 },
  { proxy: 'x'.repeat(400) },
  { resource: '/etc/passwd' },
  { tunnel: {} },
  { text: 'x'.repeat(5000) },
]

describe('the fake bridge', () => {
  it.each(Object.keys(contract) as Question[])('refuses rubbish for %s as main does', async question => {
    const bridge = fakeBridge()
    for (const ask of RUBBISH)
      expect(await bridge.ask(question, ask as never)).toMatchObject({ ok: false, failure: { code: 'usage/invalid' } })
    expect(bridge.asked).toEqual([])
  })

  it('knows no other question', async () => {
    expect(await fakeBridge().ask('state.write' as never, {} as never)).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
  })

  it('refuses an answer that breaks the contract', async () => {
    const bridge = fakeBridge({}, { 'trust.choose': () => ({ chosen: 'yes' }) as never })
    expect(await bridge.ask('trust.choose', { proxy: 'x' })).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
  })

  it('counts revisions without gaps and tells whole slices', () => {
    const bridge = fakeBridge()
    const seen: number[] = []
    const stop = bridge.onChange(change => seen.push(change.revision))
    bridge.change({ notices: [] })
    bridge.change({ lab: { state: 'off' } })
    stop()
    bridge.change({ notices: [] })
    expect(seen).toEqual([2, 3])
    expect(bridge.revision).toBe(4)
  })
})
