import { describe, expect, it } from 'vitest'
import { PorticoError } from '../../shared/errors.ts'
import { EMPTY_STATE, type AppState } from '../../shared/state.ts'
import { openProjection } from '../../renderer/projection.ts'
import { fakeBridge } from '../kit/fake-bridge.ts'

const notice = (id: string): Partial<AppState> => ({ notices: [{ id, text: id }] })
const settled = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5))

/** A bridge whose `state.read` is answered when the test says so. */
function heldBridge() {
  const waiting: ((read: { revision: number; state: AppState }) => void)[] = []
  const bridge = fakeBridge({}, { 'state.read': () => new Promise(resolve => void waiting.push(resolve)) })
  return {
    bridge,
    reads: waiting,
    answer: (revision: number, slices: Partial<AppState> = {}) => waiting.shift()!({ revision, state: { ...EMPTY_STATE, ...slices } }),
  }
}
const noticesOf = (projection: ReturnType<typeof openProjection>): string[] => {
  const now = projection.store.getState()
  return now.phase === 'ready' ? now.state.notices.map(one => one.id) : [now.phase]
}

describe('projection', () => {
  it('subscribes before it reads, and applies what came in between in order', async () => {
    const { bridge, answer } = heldBridge()
    const projection = openProjection(bridge)
    expect(bridge.listeners).toBe(1)
    bridge.push({ revision: 6, slices: notice('six') })
    bridge.push({ revision: 7, slices: notice('seven') })
    expect(noticesOf(projection)).toEqual(['loading'])
    await settled()
    answer(6, notice('read'))
    await settled()
    expect(noticesOf(projection)).toEqual(['seven'])
    expect(projection.store.getState()).toMatchObject({ phase: 'ready', revision: 7 })
    projection.close()
  })

  it('ignores a change that it knows already', async () => {
    const bridge = fakeBridge()
    const projection = openProjection(bridge)
    await settled()
    bridge.change(notice('two'))
    bridge.push({ revision: 2, slices: notice('again') })
    bridge.push({ revision: 1, slices: notice('old') })
    expect(noticesOf(projection)).toEqual(['two'])
    projection.close()
  })

  it('replaces only the slices that a change names', async () => {
    const bridge = fakeBridge({ lab: { state: 'starting', step: 'one' } })
    const projection = openProjection(bridge)
    await settled()
    const before = projection.store.getState()
    bridge.change(notice('two'))
    const after = projection.store.getState()
    if (before.phase !== 'ready' || after.phase !== 'ready') throw new Error('not ready')
    expect(after.state.lab).toBe(before.state.lab)
    projection.close()
  })

  it('reads the whole state again after a gap, once, however many changes follow', async () => {
    const { bridge, reads, answer } = heldBridge()
    const projection = openProjection(bridge)
    await settled()
    answer(1)
    await settled()
    bridge.push({ revision: 4, slices: notice('four') })
    bridge.push({ revision: 5, slices: notice('five') })
    bridge.push({ revision: 6, slices: notice('six') })
    await settled()
    expect(reads).toHaveLength(1)
    answer(5, notice('read five'))
    await settled()
    expect(noticesOf(projection)).toEqual(['six'])
    projection.close()
  })

  it('says that the first read failed, and recovers by reload', async () => {
    let broken = true
    const bridge = fakeBridge(
      {},
      {
        'state.read': () => {
          if (broken) throw new PorticoError('app/bug', { why: 'no' })
          return { revision: 9, state: EMPTY_STATE }
        },
      },
    )
    const projection = openProjection(bridge)
    await settled()
    expect(projection.store.getState()).toMatchObject({ phase: 'failed', failure: { code: 'app/bug' } })
    broken = false
    await projection.reload()
    expect(projection.store.getState()).toMatchObject({ phase: 'ready', revision: 9 })
    projection.close()
  })

  it('keeps what is shown when a later read fails, and tries again at the next change', async () => {
    let broken = false
    const bridge = fakeBridge(notice('one'), {
      'state.read': () => {
        if (broken) throw new PorticoError('app/bug')
        return { revision: bridge.revision, state: bridge.state }
      },
    })
    const projection = openProjection(bridge)
    await settled()
    broken = true
    bridge.push({ revision: 9, slices: notice('nine') })
    await settled()
    expect(noticesOf(projection)).toEqual(['one'])
    broken = false
    bridge.push({ revision: 10, slices: notice('ten') })
    await settled()
    expect(bridge.asksOf('state.read')).toHaveLength(3)
    projection.close()
  })

  it('lets go of the bridge when it is closed', async () => {
    const bridge = fakeBridge()
    const projection = openProjection(bridge)
    projection.close()
    projection.close()
    await settled()
    expect(bridge.listeners).toBe(0)
    expect(projection.store.getState().phase).toBe('loading')
  })
})
