import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** The first bytes of a ClientHello: enough to be TLS, and then no more. */
const START = Buffer.from('1603010200010001', 'hex')
/** One address has 28 000 ports for one destination, and closed ones rest for a minute. */
const SOURCES = 16
/** Within about the time that a router gives a ClientHello: so they are cut one after the other too. */
const FILL_MS = 5_000
const STEP_MS = 10

/** Child process: half-open clients that never give up. argv: port, how many. Says when all are there, and at the end how many came. */
const [port, count] = process.argv.slice(2).map(Number) as [number, number]
let [opened, open] = [0, 0]

function enter(): void {
  const socket = connect({ port, host: '127.0.0.1', localAddress: `127.0.0.${2 + (opened++ % SOURCES)}`, noDelay: true })
  socket.once('connect', () => {
    open++
    socket.write(START)
    socket.once('close', () => open--)
  })
  socket.on('error', () => {})
  // Cut: the next one comes at once.
  socket.once('close', enter)
  socket.resume()
}

process.on('message', () => process.send!({ open, opened }))
process.once('disconnect', () => process.exit(0))
for (let begun = 0; begun < count; await sleep(STEP_MS)) {
  for (const until = Math.min(count, begun + Math.ceil((count * STEP_MS) / FILL_MS)); begun < until; begun++) enter()
}
while (open < count * 0.95) await sleep(STEP_MS)
process.send!('full')
