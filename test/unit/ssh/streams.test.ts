import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { expect, test } from 'vitest'
import { endStream } from '../../../electron/ssh/end-stream.ts'
import { joinStreams } from '../../../electron/ssh/join-streams.ts'
import { openWire, readAll } from '../../kit/ssh-pair.ts'

/** Two wires whose near ends are joined: what goes in at `one` comes out at `other`. */
function joined(): { one: Duplex; other: Duplex; over: Promise<void> } {
  const [left, right] = [openWire(), openWire()]
  return { one: left.client, other: right.client, over: joinStreams(left.server, right.server) }
}

test('joined streams carry both ways; the end of one way leaves the other open', async () => {
  const { one, other, over } = joined()
  const sent = randomBytes(2_000_000)
  one.end(sent)
  expect(
    (
      await readAll(
        other.pipe(
          new Duplex({
            read() {},
            write(part, _, done) {
              this.push(part)
              done()
            },
            final(done) {
              this.push(null)
              done()
            },
          }),
        ),
      )
    ).equals(sent),
  ).toBe(true)
  other.end('and back')
  expect((await readAll(one)).toString()).toBe('and back')
  await over
})

test('when one side breaks, the other is ended', async () => {
  const { one, other, over } = joined()
  one.on('error', () => {})
  one.destroy(new Error('reset'))
  expect((await readAll(other)).length).toBe(0)
  other.destroy()
  await over
})

test('joining with a side that is dead beforehand ends the other', async () => {
  const [dead, alive] = [openWire(), openWire()]
  dead.server.destroy()
  const over = joinStreams(dead.server, alive.server)
  expect((await readAll(alive.client)).length).toBe(0)
  alive.client.end()
  await over
})

test('a stream that is ended may take its time while something moves, and is destroyed when nothing does', async () => {
  let take: (() => void) | undefined
  const slow = new Duplex({ read() {}, write: (_, __, done) => void (take = done), writableHighWaterMark: 1 })
  for (const part of ['a', 'b', 'c', 'd', 'e']) slow.write(part)
  endStream(slow, 40)
  for (let step = 0; step < 3; step++) {
    await new Promise(resolve => setTimeout(resolve, 30))
    take?.()
    expect(slow.destroyed).toBe(false)
  }
  const started = performance.now()
  await once(slow, 'close')
  expect(performance.now() - started).toBeLessThan(2_000)
  expect(slow.writableFinished).toBe(false)
})
