import { join } from 'node:path'
import { app, clipboard, dialog, type BrowserWindow, type OpenDialogOptions } from 'electron'
import type { Answers } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import { exportLog } from '../log/export-log.ts'

export interface ShellAnswersOptions {
  readonly window: () => BrowserWindow | undefined
  /** Keeps a CA file for the next look at this proxy. @throws PorticoError when it holds no certificate */
  readonly trustFile: (proxy: string, path: string) => Promise<void>
  /** Folder of the log. */
  readonly logs: string
}

/** The questions that only the desktop itself can answer. */
export function shellAnswers({
  window,
  trustFile,
  logs,
}: ShellAnswersOptions): Pick<Answers, 'clipboard.copy' | 'trust.choose' | 'log.export'> {
  return {
    async 'clipboard.copy'({ text }) {
      await clipboard.writeText(text) // a promise since Electron 43, synchronous before
      return {}
    },
    async 'trust.choose'({ proxy }) {
      const options: OpenDialogOptions = {
        title: `Certificate authority of ${proxy}`,
        buttonLabel: 'Trust',
        properties: ['openFile'],
        filters: [
          { name: 'Certificates', extensions: ['pem', 'crt', 'cer'] },
          { name: 'All files', extensions: ['*'] },
        ],
      }
      const parent = window()
      const { canceled, filePaths } = parent ? await dialog.showOpenDialog(parent, options) : await dialog.showOpenDialog(options)
      const [path] = filePaths
      if (canceled || path === undefined) return { chosen: false }
      await trustFile(proxy, path)
      return { chosen: true }
    },
    async 'log.export'() {
      const name = `portico-log-${new Date().toISOString().slice(0, 10)}.txt`
      const options = { title: 'Save the log', defaultPath: join(app.getPath('documents'), name) }
      const parent = window()
      const { canceled, filePath } = parent ? await dialog.showSaveDialog(parent, options) : await dialog.showSaveDialog(options)
      if (canceled || !filePath) return { saved: false }
      const { electron, node } = process.versions
      const title = `Log of Portico ${app.getVersion()}, Electron ${electron}, Node ${node}, ${process.platform} ${process.arch}. Secrets are removed.`
      await exportLog(logs, filePath, title).catch((thrown: unknown) => {
        const errno = String((thrown as NodeJS.ErrnoException).code)
        if (errno === 'ENOSPC') throw new PorticoError('state/disk-full', { path: filePath }, thrown)
        throw new PorticoError('state/unwritable', { path: filePath, why: `the log could not be saved there (${errno})` }, thrown)
      })
      return { saved: true }
    },
  }
}
