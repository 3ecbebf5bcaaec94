import { PorticoError } from '../../../shared/errors.ts'
import type { AppState, Tunnel } from '../../../shared/state.ts'
import { fakeBridge, type FakeBridge } from '../../kit/fake-bridge.ts'
import { aProfile, aStartingTunnel, anOpenTunnel, CONNECTIONS, LOG, STATES, TOOLS } from '../fixtures.ts'

/**
 * A bridge that answers like an engine with a quick cluster behind it, for looking at the window by hand.
 * Proxies: `code…` asks for a code, `unknown…` has an unknown authority, `sso…` wants SSO, `off…` does not answer. The password `wrong` is refused.
 */
export function livelyBridge(start: AppState): FakeBridge {
  let trusted = false
  const closed = new Set<number>()
  const bridge: FakeBridge = fakeBridge(start, {
    'login.look': async ({ proxy, trust }) => {
      await pause(250)
      if (proxy.startsWith('off')) throw new PorticoError('proxy/unreachable', { proxy, why: 'the name is not known' })
      if (proxy.startsWith('unknown') && !(trust && trusted)) {
        throw new PorticoError('proxy/untrusted', {
          proxy,
          fingerprint: '3f8a1c0de29b7745aa10c4f6b7d2e9815c60f1327a84be93d0c5162f7e08ab94',
          issuer: 'Example Corp Root CA',
        })
      }
      const kind = proxy.startsWith('sso')
        ? 'unsupported'
        : proxy.startsWith('code') || start.session.state === 'ended'
          ? 'password-and-code'
          : 'password'
      return { proxy, cluster: proxy.replace(/:\d+$/, ''), version: '13.0.0', kind, wants: kind === 'unsupported' ? 'single sign-on' : '' }
    },
    'trust.choose': () => {
      trusted = true
      return { chosen: true }
    },
    'login.submit': async ({ proxy, user, password }) => {
      await pause(400)
      if (password === 'wrong') throw new PorticoError('login/refused')
      const profile = aProfile({ user, ...(proxy.startsWith('prod') ? {} : { proxy, cluster: proxy.replace(/:\d+$/, '') }) })
      const { databases, tunnels } = STATES.main()
      bridge.change({
        session: { state: 'active', profile },
        profiles: [profile],
        databases,
        tunnels: bridge.state.tunnels.length > 0 ? bridge.state.tunnels.map(calm) : tunnels,
      })
      return profile
    },
    'login.end': () => {
      bridge.change({ session: { state: 'none' }, profiles: [], tunnels: [], databases: { state: 'idle', items: [], failure: null } })
      return {}
    },
    'lab.start': async () => {
      for (const step of ['Preparing PostgreSQL', 'Starting PostgreSQL', 'Filling the databases', 'Signing in as alice']) {
        bridge.change({ lab: { state: 'starting', step } })
        await pause(500)
      }
      bridge.change({ ...STATES.main(), lab: { state: 'running', proxy: 'localhost:3480', pid: 4711 } })
      return {}
    },
    'tunnel.start': async ask => {
      const database = bridge.state.databases.items.find(one => one.id === ask.resource)
      if (database === undefined) throw new PorticoError('resource/not-found', { kind: 'database', name: ask.resource })
      const chosen = {
        ...database,
        databaseUser: ask.databaseUser ?? database.databaseUser,
        databaseName: ask.databaseName ?? database.databaseName,
      }
      const others = (): Tunnel[] => bridge.state.tunnels.filter(one => one.resource !== ask.resource)
      const starting = aStartingTunnel(chosen)
      bridge.change({ tunnels: [...others(), starting] })
      await pause(700)
      if (!bridge.state.tunnels.some(one => one.id === starting.id)) throw new PorticoError('app/cancelled')
      const open = anOpenTunnel(chosen, { connections: 0 })
      bridge.change({ tunnels: [...others(), open] })
      return open
    },
    'tunnel.stop': ({ tunnel }) => {
      bridge.change({ tunnels: bridge.state.tunnels.filter(one => one.id !== tunnel) })
      return {}
    },
    'tunnel.restart': ({ tunnel }) => {
      const again = bridge.state.tunnels.map(one => (one.id === tunnel && one.state === 'open' ? { ...one, trouble: null } : one))
      bridge.change({ tunnels: again })
      return again.find(one => one.id === tunnel)!
    },
    'tunnel.connections': ({ tunnel }) => {
      const of = bridge.state.tunnels.find(one => one.id === tunnel)
      const connections = of?.state === 'open' && of.connections > 0 ? CONNECTIONS.filter(one => !closed.has(one.id)) : []
      return { total: connections.length, connections: [...connections] }
    },
    'connection.close': ({ connection }) => {
      closed.add(connection)
      return {}
    },
    'tools.list': ({ resource }) => {
      const { dbProtocol } = bridge.state.databases.items.find(one => one.id === resource) ?? { dbProtocol: '' }
      return { tools: dbProtocol === 'postgres' ? [...TOOLS] : TOOLS.filter(one => one.title.startsWith('D')) }
    },
    'tools.open': () => ({}),
    'favourite.set': ({ resource, on }) => {
      const others = bridge.state.favourites.filter(one => one !== resource)
      bridge.change({ favourites: on ? [...others, resource] : others })
      return {}
    },
    'cluster.use': ({ cluster }) => {
      bridge.change({ clusters: bridge.state.clusters.map(one => ({ ...one, current: one.name === cluster })) })
      return {}
    },
    'settings.write': change => {
      const settings = { ...bridge.state.settings, ...change } as AppState['settings']
      bridge.change({ settings })
      return settings
    },
    'log.read': ({ level }) => {
      const levels = ['debug', 'info', 'warn', 'error']
      return { entries: LOG.filter(one => levels.indexOf(one.level) >= levels.indexOf(level)) }
    },
    'log.export': async () => {
      await pause(200)
      return { saved: true }
    },
    'notice.dismiss': ({ id }) => {
      bridge.change({ notices: bridge.state.notices.filter(one => one.id !== id) })
      return {}
    },
  })
  return bridge
}

/** Lets traffic flow through every open tunnel, a little different each: counters as an engine pushes them, four times a second. */
export function letFlow(bridge: FakeBridge): void {
  let step = 0
  setInterval(() => {
    step += 1
    const tunnels = bridge.state.tunnels.map((tunnel, n) =>
      tunnel.state === 'open' && tunnel.connections > 0
        ? { ...tunnel, bytesIn: tunnel.bytesIn + burst(step, n) * 90_000, bytesOut: tunnel.bytesOut + burst(step + 7, n + 1) * 14_000 }
        : tunnel,
    )
    bridge.change({ tunnels })
  }, 250)
}

/** 1 to about 10, by waves that do not meet. */
const burst = (step: number, n: number): number =>
  Math.round(1 + 4 * Math.sin(step / (6 + n)) ** 2 + 5 * Math.max(0, Math.sin(step / (17 + 2 * n))) ** 6)

const calm = (tunnel: Tunnel): Tunnel => (tunnel.state === 'open' ? { ...tunnel, waiting: 0 } : tunnel)
const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))
