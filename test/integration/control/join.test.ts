import { afterEach, beforeEach, expect, it } from 'vitest'
import type { App } from '../../../electron/app/open-app.ts'
import { connectEngine } from '../../../electron/control/connect-engine.ts'
import { joinEngine } from '../../../electron/control/join-engine.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import type { Home } from '../../../electron/state/home.ts'
import type { AppState, Change } from '../../../shared/state.ts'
import { emptyHome, engineOf } from './engine-under-test.ts'

let home: Home
let remove: () => void
const open: App[] = []
const keep = <A extends App>(app: A): A => (open.push(app), app)

beforeEach(() => {
  ;({ home, remove } = emptyHome())
})
afterEach(async () => {
  for (const app of open.splice(0).reverse()) await app.close()
  remove()
})

const window = () => joinEngine({ log: NO_LOG, attach: () => connectEngine(home), host: () => engineOf(home) })

/** What a window shows, with every change put on top, none missing. */
function follow(app: App): { readonly shown: AppState; until(fits: (state: AppState) => boolean): Promise<void> } {
  let { revision, state } = app.read()
  app.onChange((change: Change) => {
    expect(change.revision).toBe(revision + 1)
    revision = change.revision
    state = { ...state, ...(change.slices as Partial<AppState>) }
  })
  return {
    get shown() {
      return state
    },
    async until(fits) {
      for (const end = Date.now() + 10_000; !fits(state);) {
        if (Date.now() > end) throw new Error(`never: ${JSON.stringify(state).slice(0, 1000)}`)
        await new Promise(resolve => setTimeout(resolve, 10))
      }
    },
  }
}

it('joins an engine that runs, answers through it, and ends nothing when it leaves', async () => {
  const engine = keep(await engineOf(home))
  const app = await window()
  const { shown, until } = follow(app)
  expect(shown.engine).toEqual(engine.read().state.engine)
  await app.answers['databases.refresh']({})
  await until(state => state.databases.state === 'idle')
  await expect(app.answers['tunnel.restart']({ tunnel: 'x' })).rejects.toMatchObject({ code: 'tunnel/not-found' })
  await expect(app.trustFile('a:1', '/nonexistent')).rejects.toMatchObject({ code: 'usage/invalid' })
  await app.close()
  expect((await connectEngine(home))?.hello.pid).toBe(process.pid)
})

it('becomes the engine where none runs', async () => {
  const app = keep(await window())
  const client = (await connectEngine(home))!
  expect((await client.ask('state.read', {})).state).toEqual(app.read().state)
  await app.close()
  await client.ended
  expect(await connectEngine(home)).toBeUndefined()
})

it('takes over when the engine that it joined ends, says so, and asks on without a gap', async () => {
  const engine = await engineOf(home)
  const app = keep(await window())
  const seen = follow(app)
  await engine.close()
  // Asked in between: it waits for the next engine.
  await expect(app.answers['databases.refresh']({})).resolves.toEqual({})
  await seen.until(({ notices }) => notices.some(({ text }) => text.includes('brought them back')))
  expect((await connectEngine(home))?.hello.pid).toBe(process.pid)
  const [notice] = seen.shown.notices
  await app.answers['notice.dismiss']({ id: notice!.id })
  expect(seen.shown.notices).toEqual([])
})

it('joins the engine that was quicker than itself', async () => {
  let tries = 0
  const app = await joinEngine({
    log: NO_LOG,
    attach: async () => (tries === 0 ? undefined : connectEngine(home)),
    async host() {
      tries++
      keep(await engineOf(home))
      return engineOf(home)
    },
  })
  expect(tries).toBe(1)
  await app.close()
  expect(await connectEngine(home)).toBeDefined()
})
