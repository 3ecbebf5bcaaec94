import { handshake } from './handshake.ts'

export interface HandshakesWanted {
  readonly port: number
  readonly count: number
  readonly resumed: boolean
}

/** Child process: handshakes, some at a time, as many as it is told; says when they are done. */
const AT_ONCE = 8

process.on('message', async ({ port, count, resumed }: HandshakesWanted) => {
  const session = resumed ? (await handshake(port, undefined, true)).session : undefined
  let left = count
  const work = async (): Promise<void> => {
    while (left-- > 0) await handshake(port, session)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  process.send!('done')
})
process.once('disconnect', () => process.exit(0))
process.send!('ready')
