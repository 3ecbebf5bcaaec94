import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { ALPN, PING_SUFFIX } from '../../shared/protocols.ts'
import { openBare, type BareProxy } from './bare-reader.ts'
import { cpuSeconds, end, start, told } from './children.ts'
import { median, type Report } from './figures.ts'
import { encodeWish } from './wish.ts'

const ROWS = 50_000
const ROW_BYTES = 40
const ROUNDS = 3

/** @returns bytes that came through until the end */
function readThrough(port: number, rows: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(encodeWish({ kind: 'send', bytes: rows })))
    socket.on('data', (chunk: Buffer) => (bytes += chunk.length))
    socket.on('end', () => resolve(bytes)).on('error', reject)
  })
}

/** Rows of 40 bytes, each a frame in TLS records of its own: CPU that the tunnel takes, and that a bare reader takes. */
export async function smallRecords(report: Report): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const far = start('record-server')
    children.push(far)
    const proxy = await told<BareProxy>(far)
    const [host, bare] = [start('tunnel-host', [], true), start('bare-host')]
    children.push(host, bare)
    const ready = told(bare)
    bare.send(proxy)
    host.send(proxy)
    const { port } = await told<{ port: number }>(host)
    await ready
    const sides = {
      tunnel: { pid: host.pid!, read: () => readThrough(port, ROWS), bytes: ROWS * ROW_BYTES },
      bare: {
        pid: bare.pid!,
        read: async () => {
          const answer = told<{ bytes: number }>(bare)
          bare.send(ROWS)
          return (await answer).bytes
        },
        bytes: ROWS * (ROW_BYTES + 4),
      },
    }
    const cpu = { tunnel: [] as number[], bare: [] as number[] }
    for (let round = -1; round < ROUNDS; round++) {
      // Round -1 warms up; who goes first changes.
      for (const name of round % 2 === 0 ? (['bare', 'tunnel'] as const) : (['tunnel', 'bare'] as const)) {
        const before = cpuSeconds(sides[name].pid)
        const bytes = await sides[name].read()
        if (bytes !== sides[name].bytes) throw new Error(`${name}: ${bytes} of ${sides[name].bytes} bytes came`)
        if (round >= 0) cpu[name].push(((cpuSeconds(sides[name].pid) - before) * 1e6) / ROWS)
      }
    }
    report('small records, CPU a row, bare TLS', median(cpu.bare), 'µs')
    report('small records, CPU a row, tunnel', median(cpu.tunnel), 'µs')
    report('small records, CPU a row, tunnel ÷ bare TLS', median(cpu.tunnel) / median(cpu.bare), '×', 1.3)
  } finally {
    await Promise.all(children.map(end))
  }
}

/** @returns ms from connecting to the first byte of the far end */
async function connectThrough(port: number): Promise<number> {
  const started = performance.now()
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  socket.write(encodeWish({ kind: 'take', bytes: 1 }))
  await once(socket, 'data')
  const firstByte = performance.now() - started
  socket.end()
  socket.resume()
  await once(socket, 'close')
  return firstByte
}

const CONNECTIONS = 100
const CONNECTION_ROUNDS = 6

/** One new connection at a time, with a ticket at hand, until its first byte is back: through the tunnel, and without it. */
export async function warmConnections(report: Report): Promise<void> {
  const children: ChildProcess[] = []
  try {
    const far = start('tls-server', [ALPN.postgres + PING_SUFFIX])
    children.push(far)
    const proxy = await told<BareProxy>(far)
    const host = start('tunnel-host', [], true)
    children.push(host)
    host.send(proxy)
    const { port } = await told<{ port: number }>(host)
    const bare = openBare(proxy)
    const times = { tunnel: [] as number[], bare: [] as number[], handshake: [] as number[] }
    for (let round = -1; round < CONNECTION_ROUNDS; round++) {
      for (let one = 0; one < CONNECTIONS; one++) {
        const alone = await bare.connectAgain(proxy.port, { kind: 'take', bytes: 1 })
        const through = await connectThrough(port)
        if (round < 0) continue
        if (!alone.resumed) throw new Error('a session was not resumed')
        times.bare.push(alone.firstByte)
        times.handshake.push(alone.handshake)
        times.tunnel.push(through)
      }
    }
    report('warm connection, resumed TLS 1.3 handshake', median(times.handshake), 'ms')
    report('warm connection, first byte, bare TLS', median(times.bare), 'ms')
    report('warm connection, first byte, tunnel', median(times.tunnel), 'ms')
    report('warm connection, tunnel ÷ bare TLS', median(times.tunnel) / median(times.bare), '×', 1.5)
  } finally {
    await Promise.all(children.map(end))
  }
}
