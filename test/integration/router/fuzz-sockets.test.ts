import { connect } from 'node:net'
import { expect, it } from 'vitest'
import { firstBytesSeeds } from '../../fuzz/first-bytes.ts'
import { Dice, mutate } from '../../fuzz/mutate.ts'
import { ask, eventually, openUnderTest } from './router-under-test.ts'

const COUNT = 20_000
const AT_ONCE = 64

const sockets = (): number => process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap' || kind === 'TLSWrap').length

it('twenty thousand mutated beginnings over sockets leave nothing behind', { timeout: 180_000 }, async () => {
  const before = sockets()
  const under = await openUnderTest({
    proxyProtocol: 'on',
    plainSsh: 'ssh',
    redirectHttp: true,
    limits: { firstBytesMs: 400, clientHelloMs: 400, handshakeMs: 400 },
  })
  const seeds = firstBytesSeeds(new URL('../../vectors/', import.meta.url))
  const dice = new Dice(39)
  const one = (): Promise<void> =>
    new Promise(resolve => {
      const bytes = mutate(dice, seeds)
      const cut = dice.next(3) === 0 ? dice.next(bytes.length) : bytes.length
      const [reset, ends] = [dice.next(16) === 0, dice.next(16) > 0]
      const socket = connect({ port: under.port, host: '127.0.0.1' }, () => {
        socket.write(bytes.subarray(0, cut))
        if (reset) return void socket.resetAndDestroy()
        if (cut < bytes.length) socket.write(bytes.subarray(cut))
        if (ends) socket.end()
        // An echo that nobody ends would stay.
        else setTimeout(() => socket.destroy(), 500)
      })
      socket
        .on('error', () => {})
        .resume()
        .once('close', () => resolve())
    })
  let started = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (started++ < COUNT) await one()
    }),
  )
  await eventually(() => under.lines.filter(line => line['event'] === 'router.connection').length === COUNT, 5_000)
  expect((await ask(under.port, {})).bytes.toString()).toBe('web\n')
  const handlers = new Set(under.handed.map(({ handler }) => handler))
  expect([handlers.has('postgres'), handlers.has('ssh')]).toEqual([true, true])
  await under.close()
  await eventually(() => sockets() <= before, 5_000)
})
