import { openContext, openHome, type Context, type Home } from '../app/context.ts'
import { NO_LOG, type Log } from '../log/log.ts'
import type { Run } from './run.ts'

/** The home of this command. The log is on stderr with --debug, else nowhere; the logger is loaded only then. */
export async function withContext<T>(run: Run, use: (context: Context) => Promise<T>): Promise<T> {
  const log = await commandLog(run)
  const context = await openContext({ log, env: run.env })
  try {
    return await use(context)
  } finally {
    for (const notice of context.profiles.notices()) run.say.hint(`Note: ${notice.text}`)
    context.close()
  }
}

export async function commandLog(run: Run): Promise<Log> {
  if (run.globals.debug !== true) return NO_LOG
  const { openLog } = await import('../log/open-log.ts')
  return openLog({ stderr: true })
}

/** The folders of this command's home, made when missing. */
export function homeOf({ env }: Run): Home {
  return openHome(env, process.platform)
}
