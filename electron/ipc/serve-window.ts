import { ipcMain, type IpcMainInvokeEvent, type WebContents, type WebFrameMain } from 'electron'
import { PorticoError } from '../../shared/errors.ts'
import type { Change } from '../../shared/state.ts'
import { answerQuestion, type AnswerOptions } from '../app/answer-question.ts'
import { ASK_CHANNEL, CHANGE_CHANNEL } from './channels.ts'

export interface ServeOptions extends AnswerOptions {
  /** The page of the window as it is now; undefined while there is none. */
  readonly page: () => WebContents | undefined
  /** Whether this frame is the top one of our window, on our own page. */
  readonly mayAsk: (frame: WebFrameMain | null) => boolean
  readonly onChange: (listener: (change: Change) => void) => () => void
}

/**
 * Answers the window and pushes changes to it, without waiting for it.
 * This is the main defence against a page gone wrong: sender first, then the contract.
 * @returns its end
 */
export function serveWindow(options: ServeOptions): () => void {
  ipcMain.handle(ASK_CHANNEL, async (event: IpcMainInvokeEvent, question: unknown, ask: unknown) => {
    if (options.mayAsk(event.senderFrame)) return answerQuestion(question, ask, options)
    options.log.warn('ipc.stranger', { url: event.senderFrame?.url ?? 'gone' })
    return { ok: false, failure: new PorticoError('app/bug', { why: 'this page may not ask' }).toFailure() }
  })
  const stop = options.onChange(change => {
    const page = options.page()
    if (page && !page.isDestroyed()) page.send(CHANGE_CHANNEL, change)
  })
  return () => {
    stop()
    ipcMain.removeHandler(ASK_CHANNEL)
  }
}
