import { readdirSync, readFileSync } from 'node:fs'
import { Beginning } from '../../electron/cluster/router/peek.ts'
import type { HandlerName } from '../../electron/cluster/router/route.ts'
import { chooseRoute } from '../../electron/cluster/router/routes.ts'
import { CLIENT_HELLO_LIMIT } from '../../electron/wire/client-hello.ts'
import { versionFromAlpn } from '../../electron/wire/mysql.ts'
import { PROXY_HEADER_LIMIT } from '../../electron/wire/proxy-header.ts'
import { Dice, mutate } from './mutate.ts'

/** Well-formed beginnings of every protocol on the port: real ClientHellos, whole, in records of one byte, behind PROXY headers. */
export function firstBytesSeeds(vectors: URL): readonly Buffer[] {
  const folder = new URL('client-hello/', vectors)
  const hellos = readdirSync(folder)
    .filter(name => name.endsWith('.bin'))
    .map(name => readFileSync(new URL(name, folder)))
  const rows = JSON.parse(readFileSync(new URL('router/proxy-headers.json', vectors), 'utf8')) as readonly { readonly hex: string }[]
  const headers = rows.map(({ hex }) => Buffer.from(hex, 'hex'))
  const crumbs = Buffer.concat([...hellos[0]!.subarray(5)].map(byte => Buffer.from([0x16, 3, 1, 0, 1, byte])))
  const others = [
    'SSH-2.0-OpenSSH_9.2\r\n',
    'Teleport-Proxy{"clientAddr":"1.2.3.4:5"}\0SSH-2.0-Go\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  ]
  const postgres = ['0000000804d2162f', '0000000804d21630', '0000001004d2162e0000007b000001c8'].map(hex => Buffer.from(hex, 'hex'))
  const plain = [...hellos, crumbs, ...postgres, ...others.map(text => Buffer.from(text))]
  return [...plain, ...headers, ...headers.map((header, index) => Buffer.concat([header, plain[index % plain.length]!]))]
}

export interface Fuzzed {
  readonly count: number
  /** How often each kind of answer came: a run that never gets deep into the parsers proves little. */
  readonly answers: Readonly<Record<string, number>>
  /** ms of the slowest one */
  readonly slowest: number
}

const SERVED = (handler: HandlerName): boolean => handler !== 'kube'

/**
 * Gives mutated first bytes to the peeker, whole and in pieces, and what it reads on to the mux.
 * @throws whatever they throw, with the bytes in its message: nothing may
 */
export function fuzzFirstBytes(seeds: readonly Buffer[], count: number, seed: number): Fuzzed {
  const dice = new Dice(seed)
  const answers: Record<string, number> = {}
  let slowest = 0
  for (let index = 0; index < count; index++) {
    const bytes = mutate(dice, seeds)
    const started = performance.now()
    try {
      const whole = judge([bytes])
      answers[whole] = (answers[whole] ?? 0) + 1
      // In pieces it must come to the same: where the cuts are is the network's choice.
      if (index % 8 === 0) {
        const cut = dice.next(bytes.length + 1)
        const pieces = judge([bytes.subarray(0, cut), bytes.subarray(cut)])
        if (pieces !== whole) throw new Error(`whole: ${whole}, cut at ${cut}: ${pieces}`)
      }
    } catch (thrown) {
      throw new Error(`seed ${seed}, number ${index}, ${bytes.toString('hex')}`, { cause: thrown })
    }
    slowest = Math.max(slowest, performance.now() - started)
  }
  return { count, answers, slowest }
}

function judge(pieces: readonly Buffer[]): string {
  const beginning = new Beginning(true)
  for (const piece of pieces) {
    const peeked = beginning.add(piece)
    if (peeked === undefined) {
      if (beginning.rest.length > CLIENT_HELLO_LIMIT + PROXY_HEADER_LIMIT) throw new Error('keeps too much')
      continue
    }
    if (peeked.state !== 'tls') return peeked.state
    versionFromAlpn(peeked.hello.alpn)
    const choice = chooseRoute(peeked.hello, SERVED)
    return choice.state === 'route' ? choice.row.handler : choice.why
  }
  return 'more'
}
