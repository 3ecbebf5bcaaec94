import type { Answers } from '../../shared/contract.ts'
import type { Settings } from '../../shared/state.ts'
import type { Home } from '../state/home.ts'
import type { Notice } from '../state/notice.ts'
import { openSettings } from '../state/settings.ts'
import type { StateBox } from './state-box.ts'

export interface SettingsAnswers {
  /** As they count now. */
  readonly value: Settings
  readonly answers: Pick<Answers, 'settings.write'>
  /** What is wrong with the file now. */
  notices(): readonly Notice[]
  close(): void
}

/** Keeps the `settings` slice as the file is, whoever writes it. @param onNotices called when a fault of the file came or went */
export async function openSettingsAnswers(home: Home, box: StateBox, onNotices: () => void): Promise<SettingsAnswers> {
  const file = await openSettings(home)
  box.change({ settings: file.value })
  file.onChange(() => {
    if (box.read().state.settings !== file.value) box.change({ settings: file.value })
    onNotices()
  })
  return {
    get value() {
      return file.value
    },
    answers: {
      'settings.write': change => file.write(withoutAbsent(change)),
    },
    notices: () => (file.notice === undefined ? [] : [file.notice]),
    close: () => file.close(),
  }
}

/** A key that is there without a value is not a wish. */
function withoutAbsent(change: { readonly [K in keyof Settings]?: Settings[K] | undefined }): Partial<Settings> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}
