import { oneLine } from '../../shared/words.ts'
import type { CodeQuestion } from '../app/credentials.ts'
import { codeNeeded } from '../app/code-needed.ts'
import type { Run } from './run.ts'
import { isTerminal, promptHidden } from './secrets.ts'

/**
 * Asks on the terminal for the code that confirms a session.
 * @throws PorticoError `login/code-needed` without a terminal
 */
export async function askCode({ say, lifetime }: Run, { route, refused }: CodeQuestion, signal: AbortSignal): Promise<string> {
  if (!isTerminal(process.stdin)) throw codeNeeded(route.name, 'run it on a terminal')
  if (refused !== undefined) say.warn(oneLine(refused))
  const code = await promptHidden(
    process.stdin,
    process.stderr,
    `One-time code for ${route.name}:`,
    AbortSignal.any([signal, lifetime.signal]),
  )
  return code.replace(/\s/g, '')
}
