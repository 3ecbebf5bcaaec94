import { ERRORS, type ErrorCode } from '../../../shared/errors.ts'
import { ERROR_CODES, wordsFor } from '../../../shared/words.ts'
import { helpText } from '../program.ts'
import type { Run } from '../run.ts'
import { table } from '../table.ts'

export async function help({ say }: Run, topic: readonly string[]): Promise<void> {
  if (topic.length === 1 && topic[0] === 'errors') return errors(say)
  process.stdout.write(await helpText(topic))
}

function errors(say: Run['say']): void {
  const meaning = (code: ErrorCode): string => wordsFor({ code, facts: {} }).what
  if (say.json) return say.value({ errors: ERROR_CODES.map(code => ({ code, ...ERRORS[code], meaning: meaning(code) })) })
  say.text(
    ...table(
      ['CODE', 'EXIT', 'MEANING'],
      ERROR_CODES.map(code => [code, String(ERRORS[code].exit), meaning(code)]),
    ),
  )
}
