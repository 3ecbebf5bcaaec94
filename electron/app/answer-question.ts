import { contract, isQuestion, type Answers, type Ask, type Question, type Reply } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Log } from '../log/log.ts'

export interface AnswerOptions {
  /** A face answers some questions itself; what nobody answers is refused. */
  readonly answers: Partial<Answers>
  readonly log: Log
  /** Answers are held against the contract too: in tests and in a checkout, not in an installed app. */
  readonly checkAnswers: boolean
}

/**
 * Answers one question of a face, over IPC or the control socket. What does not fit the contract is refused before anybody sees it.
 * Never rejects: failures cross as code and facts, without stack or cause.
 */
export async function answerQuestion(question: unknown, raw: unknown, options: AnswerOptions): Promise<Reply<Question>> {
  try {
    if (!isQuestion(question)) throw new PorticoError('app/bug', { why: 'something was asked that nobody answers' })
    return { ok: true, value: await answerOne(question, raw, options) }
  } catch (thrown) {
    const error = PorticoError.from(thrown)
    if (error.code === 'app/bug') options.log.error('answer.failed', { question: String(question).slice(0, 64) }, thrown)
    return { ok: false, failure: error.toFailure() }
  }
}

async function answerOne<Q extends Question>(question: Q, raw: unknown, { answers, checkAnswers }: AnswerOptions) {
  const ask = contract[question].ask.safeParse(raw)
  if (!ask.success) throw new PorticoError('usage/invalid', { why: ask.error.issues[0]?.message ?? 'a value does not fit' })
  const give: Partial<Answers>[Q] = answers[question]
  if (give === undefined) throw new PorticoError('usage/invalid', { why: `${question} is not answered here` })
  const answer = await give(ask.data as Ask<Q>)
  if (!checkAnswers) return answer
  const shape = contract[question].answer.safeParse(answer)
  if (!shape.success) throw new PorticoError('app/bug', { why: `the answer to ${question} does not fit its contract` }, shape.error)
  return answer
}
