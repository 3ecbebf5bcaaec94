import { ENGINE_QUESTIONS, type Ask, type EngineQuestion } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { AppState, Change } from '../../shared/state.ts'
import type { App } from '../app/open-app.ts'
import { openStateBox } from '../app/state-box.ts'
import type { Log } from '../log/log.ts'
import type { EngineClient } from './connect-engine.ts'

export interface JoinOptions {
  readonly log: Log
  /** The engine that runs. @returns undefined when none does */
  readonly attach: () => Promise<EngineClient | undefined>
  /** Makes this process the engine. @throws PorticoError `engine/running` when another was first */
  readonly host: () => Promise<App>
}

type Source = Pick<App, 'trustFile'> & {
  readonly ask: (question: EngineQuestion, ask: Ask<EngineQuestion>) => Promise<unknown>
  leave(): Promise<void>
}

/** Between tries to reach or become an engine after ours went away, ms. */
const AGAIN_MS = 500

/**
 * The engine of the home, wherever it is: one that runs already is joined and outlives this process; else this process
 * becomes it. When a joined one ends, another is joined, or this process takes over and says so. The state that is read
 * and pushed is one sequence throughout.
 */
export async function joinEngine({ log, attach, host }: JoinOptions): Promise<App> {
  const box = openStateBox()
  const dismissed = new Set<string>()
  let source: Promise<Source>
  let closed: Promise<void> | undefined
  let notice: AppState['notices'][number] | undefined

  const show = (changed: Change['slices']): void => {
    const slices = changed as Partial<AppState>
    const notices = slices.notices ?? (notice === undefined ? undefined : box.read().state.notices)
    box.change(notices === undefined ? slices : { ...slices, notices: withNotice(notices) })
  }
  const withNotice = (notices: AppState['notices']): AppState['notices'] => [
    ...(notice === undefined || dismissed.has(notice.id) ? [] : [notice]),
    ...notices.filter(({ id }) => id !== notice?.id),
  ]

  const attached = async (): Promise<Source | undefined> => {
    const engine = await attach()
    if (engine === undefined) return undefined
    let behind: Change[] | undefined = []
    const { state } = await engine.watch(({ revision, slices }) => {
      if (behind === undefined) show(slices)
      else behind.push({ revision, slices })
    })
    show(state)
    for (const { slices } of behind) show(slices)
    behind = undefined
    log.info('engine.joined', { pid: engine.hello.pid })
    void engine.ended.then(() => {
      if (closed !== undefined) return
      source = again()
      source.catch(() => {})
    })
    return {
      ask: (question, ask) => engine.ask(question, ask),
      trustFile: engine.trustFile,
      leave: async () => engine.close(),
    }
  }
  const hosted = async (): Promise<Source> => {
    const app = await host()
    show(app.read().state)
    app.onChange(({ slices }) => show(slices))
    const answers: Partial<Record<EngineQuestion, (ask: never) => Promise<unknown>>> = app.answers
    return {
      async ask(question, ask) {
        const answer = answers[question]
        if (answer === undefined) throw new PorticoError('usage/invalid', { why: `${question} is not answered here` })
        return answer(ask as never)
      },
      trustFile: app.trustFile,
      leave: app.close,
    }
  }
  const find = async (): Promise<Source> => {
    for (let tries = 1; ; tries++) {
      try {
        return (await attached()) ?? (await hosted())
      } catch (thrown) {
        const { code } = PorticoError.from(thrown)
        // It ended, or another began, between our look and our step.
        if (tries >= 20 || (code !== 'engine/running' && code !== 'engine/gone')) throw thrown
        await new Promise(resolve => setTimeout(resolve, AGAIN_MS))
      }
    }
  }
  const tell = (text: string): void => {
    notice = { id: notice?.id ?? `engine-gone-${Date.now()}`, text }
    show({})
  }
  const again = async (): Promise<Source> => {
    log.warn('engine.gone')
    notice = undefined
    tell('The engine that held the tunnels ended. Portico is bringing them back.')
    try {
      const found = await find()
      tell('The engine that held the tunnels ended. Portico brought them back; connections that were open then are gone.')
      return found
    } catch (thrown) {
      log.error('engine.lost', {}, thrown)
      tell('The engine that held the tunnels ended and could not be started again. Quit Portico and open it anew.')
      throw thrown
    }
  }

  source = find()
  await source
  return {
    answers: Object.fromEntries(
      ENGINE_QUESTIONS.map(question => [
        question,
        async (ask: Ask<EngineQuestion>) => {
          if (question === 'state.read') return box.read()
          if (question === 'notice.dismiss' && (ask as Ask<'notice.dismiss'>).id === notice?.id) {
            dismissed.add(notice.id)
            show({})
            return {}
          }
          return (await source).ask(question, ask)
        },
      ]),
    ) as unknown as App['answers'],
    trustFile: async (proxy, path) => (await source).trustFile(proxy, path),
    read: box.read,
    onChange: box.onChange,
    close: () => (closed ??= source.then(found => found.leave()).catch((thrown: unknown) => log.warn('engine.leave', {}, thrown))),
  }
}
