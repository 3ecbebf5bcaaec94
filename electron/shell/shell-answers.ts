import { clipboard, dialog, type BrowserWindow, type OpenDialogOptions } from 'electron'
import type { Answers } from '../../shared/contract.ts'

export interface ShellAnswersOptions {
  readonly window: () => BrowserWindow | undefined
  /** Keeps a CA file for the next look at this proxy. @throws PorticoError when it holds no certificate */
  readonly trustFile: (proxy: string, path: string) => Promise<void>
}

/** The questions that only the desktop itself can answer. */
export function shellAnswers({ window, trustFile }: ShellAnswersOptions): Pick<Answers, 'clipboard.copy' | 'trust.choose'> {
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
  }
}
