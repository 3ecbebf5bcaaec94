import { cleanup, render } from '@testing-library/react'
import { afterEach, beforeAll } from 'vitest'
import type { AppState } from '../../shared/state.ts'
import { App } from '../../renderer/App.tsx'
import { openProjection } from '../../renderer/projection.ts'
import { fakeBridge, type FakeBridge } from '../kit/fake-bridge.ts'

/**
 * happy-dom lays nothing out and draws nothing: every element gets the size of a window, so that the virtual list has room,
 * and a canvas swallows what is drawn on it.
 */
export function useLayout(): void {
  beforeAll(() => {
    for (const [name, value] of [
      ['offsetHeight', 700],
      ['offsetWidth', 700],
      ['clientHeight', 700],
      ['clientWidth', 700],
    ] as const) {
      Object.defineProperty(HTMLElement.prototype, name, { configurable: true, value })
    }
    const swallow = new Proxy({}, { get: () => () => undefined, set: () => true })
    HTMLCanvasElement.prototype.getContext = () => swallow as never
    globalThis.Path2D = class {
      constructor() {
        return swallow as never
      }
    } as never
    HTMLElement.prototype.scrollTo = function scrollTo(this: HTMLElement, options?: ScrollToOptions | number) {
      if (typeof options === 'object' && options.top !== undefined) this.scrollTop = options.top
      this.dispatchEvent(new Event('scroll'))
    }
  })
  afterEach(cleanup)
}

export function show(state: AppState, answers: Parameters<typeof fakeBridge>[1] = {}): FakeBridge {
  const bridge = fakeBridge(state, answers)
  render(<App bridge={bridge} projection={openProjection(bridge)} />)
  return bridge
}
