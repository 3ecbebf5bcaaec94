import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { ERRORS, PorticoError } from '../../shared/errors.ts'
import { openLifetime } from './lifetime.ts'
import { parse } from './program.ts'
import { openSay } from './say.ts'

/** Entry of the `portico` command: one verb, then the end. */
const here = import.meta.url

/** What was written must leave before the process does. */
function exitNow(code: number): void {
  let open = 2
  const left = (): void => {
    // Not at once: the event of a write that failed (a full disk) may be on its way.
    if (--open === 0) setImmediate(() => process.exit(code))
  }
  for (const stream of [process.stdout, process.stderr]) stream.write('', left)
  setTimeout(() => process.exit(code), 2_000)
}

// `portico db ls | head -1`: whoever reads has enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', error => process.exit((error as NodeJS.ErrnoException).code === 'EPIPE' ? 0 : 1))
}

const version = (): string => (JSON.parse(readFileSync(new URL('../../package.json', here), 'utf8')) as { version: string }).version

async function main(argv: readonly string[]): Promise<number> {
  const split = argv.indexOf('--')
  const [own, rest] = split < 0 ? [argv, []] : [argv.slice(0, split), argv.slice(split + 1)]
  const flags = { json: own.includes('--json'), quiet: own.includes('--quiet') }
  const say = openSay({ ...flags, stdout: process.stdout, stderr: process.stderr })
  const lifetime = openLifetime(code => process.exit(code))
  try {
    const parsed = await parse(own, rest, process.stdout)
    if (parsed === undefined) return 0
    const { verb, args, options, globals } = parsed
    const place = { version: version(), entry: fileURLToPath(here), workerFile: new URL('../engine/worker.mjs', here) }
    const code = await (await verb())({ globals, place, say, lifetime, env: process.env, rest }, args, options)
    return lifetime.demanded ?? code ?? 0
  } catch (thrown) {
    const error = PorticoError.from(thrown)
    if (lifetime.demanded !== undefined) return lifetime.demanded
    say.failure(error.toFailure())
    if (own.includes('--debug'))
      process.stderr.write(`${String(error.stack)}\n${error.cause instanceof Error ? String(error.cause.stack) : ''}\n`)
    return ERRORS[error.code].exit
  }
}

process.on('unhandledRejection', thrown => {
  process.stderr.write(`portico: something went wrong: ${PorticoError.from(thrown).code}\n`)
  if (process.argv.includes('--debug') && thrown instanceof Error) process.stderr.write(`${String(thrown.stack)}\n`)
})

void main(process.argv.slice(2)).then(exitNow)
