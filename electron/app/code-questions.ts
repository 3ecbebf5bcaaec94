import { PorticoError } from '../../shared/errors.ts'
import type { CodeWanted } from '../../shared/state.ts'
import type { CodeQuestion } from './credentials.ts'

/** One-time codes that tunnels wait for, until a face brings them: one question for all connections of a tunnel. */
export interface CodeQuestions {
  ask(question: CodeQuestion, signal: AbortSignal): Promise<string>
  /** @throws PorticoError `tunnel/not-found` when this tunnel waits for none */
  answer(tunnel: string, code: string): void
  /** A certificate came, or none will. */
  settled(tunnels: readonly string[]): void
  /** Codes that were on their way when the login ended are of no use any more. */
  loginEnded(): void
}

interface Open {
  readonly tunnels: readonly string[]
  take: ((code: string) => void) | undefined
}

export function openCodeQuestions(show: (tunnels: readonly string[], code: CodeWanted | null) => void): CodeQuestions {
  const open = new Set<Open>()

  const close = (question: Open): void => {
    if (!open.delete(question)) return
    show(question.tunnels, null)
  }
  const settled = (tunnels: readonly string[]): void => {
    for (const question of open) if (question.tunnels.some(id => tunnels.includes(id))) close(question)
  }

  return {
    ask({ tunnels, refused }, signal) {
      return new Promise((resolve, reject) => {
        // The answer to the last question was refused: this one takes its place.
        for (const before of open) if (before.tunnels.some(id => tunnels.includes(id))) open.delete(before)
        const question: Open = { tunnels, take: undefined }
        const abort = (): void => {
          close(question)
          reject(PorticoError.from(signal.reason))
        }
        question.take = code => {
          signal.removeEventListener('abort', abort)
          question.take = undefined
          show(tunnels, { checking: true, refused: null })
          resolve(code)
        }
        if (signal.aborted) return abort()
        signal.addEventListener('abort', abort, { once: true })
        open.add(question)
        show(tunnels, { checking: false, refused: refused ?? null })
      })
    },
    answer(tunnel, code) {
      const question = [...open].find(({ tunnels, take }) => take !== undefined && tunnels.includes(tunnel))
      if (question?.take === undefined) throw new PorticoError('tunnel/not-found', { tunnel })
      question.take(code)
    },
    settled,
    loginEnded() {
      for (const question of open) if (question.take === undefined) close(question)
    },
  }
}
