import { parseAddress, type Address } from '../../shared/address.ts'
import { PorticoError, type ErrorCode } from '../../shared/errors.ts'
import type { Ping, Trust } from './client.ts'
import { readPing } from './ping.ts'
import { webRequest } from './web-request.ts'

const PING_LIMIT = 64 * 1024
const DEADLINE_MS = 10_000
/** The second port is tried when the first has not answered within this, or has failed. */
const STAGGER_MS = 250
/** Old setups, then TLS routing's usual one; tsh tries both as well. */
const WEB_PORTS = [3080, 443] as const

export interface LookOptions {
  readonly now?: () => number
  /** For tests: the ports that are tried when none is given. */
  readonly ports?: readonly number[]
}

/**
 * Asks a proxy what it is. Without a port in `address`, the usual ones are tried and the first that is a Teleport proxy counts.
 * @param address `host`, `host:port`, `https://…`
 * @throws PorticoError `usage/invalid`, `proxy/*`, `app/cancelled`
 */
export async function lookAtProxy(address: string, trust: Trust, signal?: AbortSignal, options: LookOptions = {}): Promise<Ping> {
  const candidates = candidatesOf(address, options.ports ?? WEB_PORTS)
  const found = new AbortController()
  const both = signal === undefined ? found.signal : AbortSignal.any([signal, found.signal])
  const tries: Promise<Ping>[] = []
  for (const candidate of candidates) {
    const before = tries.at(-1)
    tries.push(
      before === undefined
        ? ping(candidate, trust, both, options)
        : afterOrFailed(before).then(() => ping(candidate, trust, both, options)),
    )
  }
  try {
    return await Promise.any(tries)
  } catch (error) {
    throw mostTelling(error instanceof AggregateError ? error.errors : [error], candidates)
  } finally {
    found.abort()
  }
}

/** Addresses to try, in order. @throws PorticoError `usage/invalid` */
export function candidatesOf(address: string, ports: readonly number[] = WEB_PORTS): readonly Address[] {
  const [first, second] = [parseAddress(address, 1), parseAddress(address, 2)]
  if (first === undefined || second === undefined)
    throw new PorticoError('usage/invalid', { why: `"${address}" is not the address of a proxy` })
  return first.port === second.port ? [first] : ports.map(port => ({ host: first.host, port }))
}

async function ping(address: Address, trust: Trust, signal: AbortSignal, options: LookOptions): Promise<Ping> {
  if (signal.aborted) throw new PorticoError('app/cancelled', {}, signal.reason)
  const answer = await webRequest({
    address,
    trust,
    method: 'GET',
    path: '/webapi/ping',
    limit: PING_LIMIT,
    deadlineMs: DEADLINE_MS,
    signal,
    now: options.now,
  })
  return readPing(answer, address)
}

function afterOrFailed(before: Promise<unknown>): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, STAGGER_MS)
    timer.unref()
    before.catch(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** What helps a person most when no port gave a proxy: a reason that only a proxy can give beats silence. */
const TELLING: readonly ErrorCode[] = [
  'app/cancelled',
  'usage/invalid',
  'proxy/clock',
  'proxy/certificate-expired',
  'proxy/untrusted',
  'proxy/pin-mismatch',
  'proxy/answer',
  'proxy/not-teleport',
  'wire/too-long',
  'proxy/refused',
  'proxy/timeout',
]

function mostTelling(errors: readonly unknown[], candidates: readonly Address[]): PorticoError {
  const ours = errors.map(error => PorticoError.from(error))
  const rank = ({ code }: PorticoError): number => (TELLING.includes(code) ? TELLING.indexOf(code) : TELLING.length)
  const first = ours.sort((a, b) => rank(a) - rank(b))[0]!
  if (first.code !== 'proxy/unreachable' || candidates.length === 1) return first
  // Nobody typed those ports: the name is what a person knows.
  const why = `${first.facts['why']} (ports ${candidates.map(({ port }) => port).join(' and ')} were tried)`
  return new PorticoError(first.code, { proxy: candidates[0]!.host, why }, first)
}
