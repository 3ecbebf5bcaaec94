import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** @param sense what `goal` is to `value`; default: `at most` */
export type Report = (name: string, value: number, unit: string, goal?: number, sense?: 'at most' | 'at least') => void

/** The bundle of one of this folder's child processes. */
export const here = (name: string): string => new URL(`./${name}.mjs`, import.meta.url).pathname

/** The next thing that a child tells. */
export const told = async <T>(child: ChildProcess): Promise<T> => (await once(child, 'message'))[0] as T

/** Children end by themselves when their parent disconnects; what speaks no IPC gets a signal. */
export const endAll = (children: readonly ChildProcess[]): Promise<unknown> =>
  Promise.all(
    children.map(child => {
      if (child.exitCode !== null || child.signalCode !== null) return undefined
      const gone = once(child, 'exit')
      if (child.connected) child.disconnect()
      else child.kill()
      return gone
    }),
  )
