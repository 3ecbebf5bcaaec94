import { afterAll, beforeAll, expect } from 'vitest'

/** Kinds of open things that a suite must give back. Node's names; timers of the test runner itself are `Timeout` and counted before. */
const KINDS = [
  'TCPSocketWrap',
  'TCPServerWrap',
  'PipeWrap',
  'PipeServerWrap',
  'TLSWrap',
  'Immediate',
  'Timeout',
  'FSEventWrap',
  'ProcessWrap',
  'MessagePort',
]

const count = (): Record<string, number> => {
  const found: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) if (KINDS.includes(kind)) found[kind] = (found[kind] ?? 0) + 1
  return found
}

/** Call at the top of a file: fails it when sockets, servers or timers are left behind (a moment is given to go). */
export function expectNoLeaks(): void {
  let before: Record<string, number> = {}
  beforeAll(() => {
    before = count()
  })
  afterAll(async () => {
    const left = (): string[] =>
      Object.entries(count())
        .filter(([kind, n]) => n > (before[kind] ?? 0))
        .map(([kind, n]) => `${kind}: ${n - (before[kind] ?? 0)}`)
    for (let tries = 0; tries < 40 && left().length > 0; tries++) await new Promise(resolve => setTimeout(resolve, 50))
    // The timer just used is gone by now.
    expect(left(), 'left open by this suite').toEqual([])
  })
}
