import type { Duplex } from 'node:stream'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import type { DialRequest } from './dial-request.ts'
import { openAgentTunnel, type AgentTunnel, type AgentTunnelOptions } from './open-tunnel.ts'

export interface AgentPoolOptions extends Omit<AgentTunnelOptions, 'isHeld' | 'onDiscovery' | 'onDrain' | 'signal'> {
  /** A stream to some router: a load balancer may stand in front of several. @throws PorticoError */
  readonly connect: (signal: AbortSignal) => Promise<Duplex>
  /** A tunnel is up: also after each time that there was none. */
  readonly onUp?: () => void
  readonly log: Log
}

export interface AgentPool {
  /** Through any router. @throws PorticoError proxy/unreachable */
  open(request: DialRequest): Promise<Duplex>
  /** Host ids of the routers that are connected. */
  proxies(): readonly string[]
  /** Idempotent. */
  close(): void
}

/** Pauses between attempts, ms: the first at once, then growing, each cut short at random so that many agents do not come together. */
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 15_000
const CONNECT_MS = 30_000
/** A connection that drains is closed when nothing runs over it any more, or then. */
const DRAIN_MS = 10 * 60_000
const DRAIN_LOOK_MS = 500
/** How long `open` waits for the first tunnel. */
const UP_MS = 15_000

/**
 * Keeps a tunnel to every router of a cluster: one attempt at a time until each that discovery names is held. A connection that leads
 * to a router that is held already is dropped again. Teleport: lib/reversetunnel/agentpool.go
 */
export function openAgentPool(options: AgentPoolOptions): AgentPool {
  const { connect, log, onUp = () => {} } = options
  const held = new Map<string, AgentTunnel>()
  const draining = new Set<AgentTunnel>()
  const ending = new AbortController()
  const waiting = new Set<() => void>()
  let wanted: ReadonlySet<string> = new Set()
  let pause = 0
  let working = false
  let timer: NodeJS.Timeout | undefined

  const isComplete = (): boolean => held.size > 0 && [...wanted].every(id => held.has(id))

  function schedule(ms: number): void {
    if (ending.signal.aborted || working) return
    clearTimeout(timer)
    timer = setTimeout(() => void attempt(), ms)
  }

  async function attempt(): Promise<void> {
    if (working || ending.signal.aborted || isComplete()) return
    working = true
    const before = held.size
    try {
      await add()
    } catch (thrown) {
      if (!ending.signal.aborted) log.warn('agent.connect', { why: String(PorticoError.from(thrown).facts['why'] ?? '') }, thrown)
    }
    working = false
    // Without a new one, others wait longer: a load balancer may have given us the same router once more.
    pause = held.size > before ? 0 : Math.min(Math.max(pause * 2, FIRST_PAUSE_MS), LONGEST_PAUSE_MS)
    if (!isComplete()) schedule(pause * (0.5 + Math.random() / 2))
  }

  async function add(): Promise<void> {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(CONNECT_MS)])
    const stream = await connect(signal)
    const opened: { tunnel?: AgentTunnel } = {}
    const tunnel = await openAgentTunnel(stream, {
      ...options,
      signal,
      isHeld: id => held.has(id),
      onDiscovery(proxies) {
        wanted = new Set(proxies)
        pause = 0
        if (!isComplete()) schedule(0)
      },
      onDrain: () => opened.tunnel !== undefined && drain(opened.tunnel),
    }).catch((thrown: unknown) => {
      stream.destroy()
      throw thrown
    })
    if (tunnel === undefined) return
    opened.tunnel = tunnel
    if (ending.signal.aborted) return tunnel.close()
    held.set(tunnel.proxyId, tunnel)
    log.info('agent.connected', { proxy: tunnel.proxyId })
    void tunnel.closed.then(() => {
      draining.delete(tunnel)
      if (held.get(tunnel.proxyId) !== tunnel) return
      held.delete(tunnel.proxyId)
      log.info('agent.disconnected', { proxy: tunnel.proxyId })
      schedule(FIRST_PAUSE_MS * Math.random())
    })
    onUp()
    for (const resolve of waiting) resolve()
    waiting.clear()
  }

  function drain(tunnel: AgentTunnel): void {
    if (draining.has(tunnel)) return
    log.info('agent.drain', { proxy: tunnel.proxyId })
    draining.add(tunnel)
    if (held.get(tunnel.proxyId) === tunnel) held.delete(tunnel.proxyId)
    tunnel.stopServing()
    const until = Date.now() + DRAIN_MS
    const look = setInterval(() => {
      if (tunnel.served() > 0 && Date.now() < until) return
      tunnel.close()
    }, DRAIN_LOOK_MS)
    void tunnel.closed.then(() => clearInterval(look))
    schedule(FIRST_PAUSE_MS)
  }

  schedule(0)
  return {
    async open(request) {
      if (held.size === 0) {
        await new Promise<void>(resolve => {
          const go = (): void => {
            clearTimeout(late)
            waiting.delete(go)
            resolve()
          }
          const late = setTimeout(go, UP_MS)
          waiting.add(go)
        })
      }
      const [tunnel] = held.values()
      if (tunnel === undefined) throw new PorticoError('proxy/unreachable', { why: 'no router is connected' })
      return tunnel.open(request)
    },
    proxies: () => [...held.keys()],
    close() {
      ending.abort()
      clearTimeout(timer)
      for (const resolve of [...waiting]) resolve()
      for (const tunnel of [...held.values(), ...draining]) tunnel.close()
    },
  }
}
