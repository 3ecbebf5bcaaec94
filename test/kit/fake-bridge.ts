import { contract, isQuestion, type Answer, type Ask, type Bridge, type Question, type Reply } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import { AppStateShape, EMPTY_STATE, type AppState, type Change } from '../../shared/state.ts'

type FakeAnswers = { readonly [Q in Question]?: (ask: Ask<Q>) => Answer<Q> | Promise<Answer<Q>> }

export interface FakeBridge extends Bridge {
  /** What was asked, in order. */
  readonly asked: readonly { readonly question: Question; readonly ask: unknown }[]
  readonly asksOf: <Q extends Question>(question: Q) => readonly Ask<Q>[]
  readonly state: AppState
  readonly revision: number
  /** Changes the state as main does: next revision, whole slices, pushed to every listener. */
  readonly change: (slices: Partial<AppState>) => void
  /** Pushes a change as it is, whatever its revision. */
  readonly push: (change: Change) => void
  readonly listeners: number
}

/**
 * The bridge of the preload without a preload, made from the contract: asks are parsed, answers too, and what an answer
 * throws crosses as a failure. A question without an answer here gets the empty object, or a refusal where that does not fit.
 */
export function fakeBridge(start: Partial<AppState> = {}, answers: FakeAnswers = {}): FakeBridge {
  let state: AppState = AppStateShape.parse({ ...EMPTY_STATE, ...start })
  let revision = 1
  const asked: { question: Question; ask: unknown }[] = []
  const listeners = new Set<(change: Change) => void>()
  const push = (change: Change): void => listeners.forEach(listener => listener(change))
  const all: FakeAnswers = { 'state.read': () => ({ revision, state }), ...answers }

  const answer = async (question: unknown, raw: unknown): Promise<unknown> => {
    if (!isQuestion(question)) throw new PorticoError('app/bug', { why: `no question ${String(question)}` })
    const parsed = contract[question].ask.safeParse(raw)
    if (!parsed.success) throw new PorticoError('usage/invalid', { why: parsed.error.message })
    asked.push({ question, ask: parsed.data })
    const say = all[question] as ((ask: unknown) => unknown) | undefined
    return contract[question].answer.parse(say === undefined ? {} : await say(parsed.data))
  }

  return {
    asked,
    asksOf: question => asked.filter(one => one.question === question).map(one => one.ask as Ask<typeof question>),
    get state() {
      return state
    },
    get revision() {
      return revision
    },
    get listeners() {
      return listeners.size
    },
    change: slices => {
      state = AppStateShape.parse({ ...state, ...slices })
      revision += 1
      push({ revision, slices })
    },
    push,
    ask: async <Q extends Question>(question: Q, raw: Ask<Q>): Promise<Reply<Q>> => {
      try {
        return { ok: true, value: (await answer(question, raw)) as Answer<Q> }
      } catch (thrown) {
        return { ok: false, failure: PorticoError.from(thrown).toFailure() }
      }
    },
    onChange: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}
