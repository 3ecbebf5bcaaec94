import { app, dialog } from 'electron'
import type { Log } from '../log/log.ts'

/** What nobody caught goes to the log and to the terminal. Tunnels go on: ending them would make one bug many. */
export function logUncaught(log: Log): void {
  const tell = (event: string) => (thrown: unknown) => {
    log.error(event, {}, thrown)
    process.stderr.write(`portico: ${event}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}\n`)
  }
  process.on('uncaughtException', tell('app.uncaught'))
  process.on('unhandledRejection', tell('app.unhandled'))
}

/** The app could not start at all: said in the terminal and, where there is a desktop, in a box. */
export function failToStart(thrown: unknown): void {
  const why = thrown instanceof Error ? thrown.message : String(thrown)
  process.stderr.write(`portico: the app could not start: ${why}\n`)
  if (app.isPackaged) dialog.showErrorBox('Portico could not start', why)
  app.exit(1)
}
