import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { percentile } from './figures.ts'

const STREAMS = 8
const QUESTIONS = 400
/** Between two questions, as clicks and pushes are: not a storm of their own, ms. */
const PAUSE_MS = 5

/** As fast as it can be had: some 80 GB, so that none ends by itself. */
const ENDLESS = "copy (select repeat('portico ', 1000) from generate_series(1, 10000000)) to stdout"

const stopAll = (children: readonly ChildProcess[]): Promise<unknown> =>
  Promise.all(
    children.map(child => {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error('a load ended before its time')
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      return gone
    }),
  )

/** Runs `work` while 8 streams pull through a tunnel as fast as they can. */
export async function underStreams<T>(port: number, work: () => Promise<T>): Promise<T> {
  const url = `postgres://alice@localhost:${port}/shop?sslmode=disable`
  const streams = Array.from({ length: STREAMS }, () =>
    spawn('psql', ['-qXw', url, '-c', ENDLESS], { stdio: ['ignore', 'ignore', 'inherit'] }),
  )
  await new Promise(resolve => setTimeout(resolve, 2_000))
  try {
    return await work()
  } finally {
    await stopAll(streams)
  }
}

/** The same with as many programs that do nothing but keep the machine busy. */
export async function underBusyLoops<T>(work: () => Promise<T>): Promise<T> {
  const loops = Array.from({ length: STREAMS }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }))
  await new Promise(resolve => setTimeout(resolve, 1_000))
  try {
    return await work()
  } finally {
    await stopAll(loops)
  }
}

/** @returns how long each answer took, ms */
export async function askOften(ask: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  while (times.length < QUESTIONS) {
    const started = performance.now()
    await ask()
    times.push(performance.now() - started)
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
  }
  return times
}

export const percentiles = (times: readonly number[]): { readonly p50: number; readonly p99: number } => ({
  p50: percentile(times, 50),
  p99: percentile(times, 99),
})
