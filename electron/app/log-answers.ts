import type { Answers } from '../../shared/contract.ts'
import { readLog } from '../log/read-log.ts'
import type { Home } from '../state/home.ts'

/** The log of a home as its faces see it: the app's and the commands' lines are in one file. */
export function logAnswers({ logs }: Pick<Home, 'logs'>): Pick<Answers, 'log.read'> {
  return {
    'log.read': async ({ limit, level }) => ({ entries: await readLog(logs, { limit, level }) }),
  }
}
