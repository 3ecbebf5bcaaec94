import { expect, test } from 'vitest'
import { contract, type Answers, type Question } from '../../../shared/contract.ts'
import { PorticoError } from '../../../shared/errors.ts'
import { answerQuestion } from '../../../electron/app/answer-question.ts'
import { NO_LOG, type Log } from '../../../electron/log/log.ts'

const refuse = (): Promise<never> => Promise.reject(new Error('nobody should have asked this'))
const nobody = Object.fromEntries(Object.keys(contract).map(question => [question, refuse])) as unknown as Answers

const options = (answers: Partial<Answers>, log: Log = NO_LOG) => ({ answers: { ...nobody, ...answers }, log, checkAnswers: true })

test('an ask that fits reaches its answer', async () => {
  const asked: unknown[] = []
  const reply = await answerQuestion('tunnel.stop', { tunnel: 'a' }, options({ 'tunnel.stop': async ask => (asked.push(ask), {}) }))
  expect(reply).toEqual({ ok: true, value: {} })
  expect(asked).toEqual([{ tunnel: 'a' }])
})

test.each(Object.keys(contract) as Question[])('%s refuses what does not fit before anybody sees it', async question => {
  for (const rubbish of [undefined, null, 7, 'x', [], { more: true }, { proxy: '' }, { proxy: 'x'.repeat(301) }, { tunnel: 7 }]) {
    const reply = await answerQuestion(question, rubbish, options({}))
    expect(reply).toMatchObject({ ok: false, failure: { code: 'usage/invalid' } })
  }
})

test.each(['', 'state', 'toString', '__proto__', 7, null, undefined, {}])('there is no question %j', async question => {
  expect(await answerQuestion(question, {}, options({}))).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
})

test('a failure crosses as code and facts, without stack or cause', async () => {
  const failure = new PorticoError('tunnel/port-in-use', { port: 20_017 }, new Error('secret cause'))
  const reply = await answerQuestion('databases.refresh', {}, options({ 'databases.refresh': () => Promise.reject(failure) }))
  expect(reply).toEqual({ ok: false, failure: { code: 'tunnel/port-in-use', facts: { port: 20_017 } } })
  expect(JSON.stringify(reply)).not.toContain('secret')
})

test('what nobody expected is logged with its cause and crosses as a bug', async () => {
  const logged: unknown[] = []
  const log: Log = { ...NO_LOG, error: (event, _facts, thrown) => logged.push([event, thrown]) }
  const thrown = new TypeError('x is not a function')
  const reply = await answerQuestion('databases.refresh', {}, options({ 'databases.refresh': () => Promise.reject(thrown) }, log))
  expect(reply).toEqual({ ok: false, failure: { code: 'app/bug', facts: {} } })
  expect(logged).toEqual([['answer.failed', thrown]])
})

test('an answer that does not fit its contract is a bug, found in tests', async () => {
  const wrong = { 'trust.choose': async () => ({ chosen: 'yes' }) as unknown as { chosen: boolean } }
  expect(await answerQuestion('trust.choose', { proxy: 'p' }, options(wrong))).toMatchObject({ ok: false, failure: { code: 'app/bug' } })
})
