import { describe, expect, it } from 'vitest'
import type { ErrorCode } from '../../shared/errors.ts'
import type { Tunnel } from '../../shared/state.ts'
import { ERROR_CODES } from '../../shared/words.ts'
import { hopOf, HOPS, pathOf, type Hop, type HopName } from '../../renderer/pages/databases/details/path.ts'
import { statusOf } from '../../renderer/pages/databases/entries.ts'
import { aConnection, aDatabase, aFailedTunnel, anOpenTunnel, aProfile, CONNECTIONS, PROXY } from './fixtures.ts'

const orders = aDatabase('orders')
type Session = Parameters<typeof pathOf>[0]['session']
const active: Session = { state: 'active', profile: aProfile() }
const reachable = { reachable: true, since: 0, failure: null }

function path(tunnel: Tunnel | undefined, more: Partial<Parameters<typeof pathOf>[0]> = {}): readonly Hop[] {
  const entry = { database: orders, tunnel, status: statusOf(tunnel), favourite: false }
  return pathOf({ entry, session: active, proxy: reachable, connections: [], now: Date.now(), ...more })
}
const brokenOf = (hops: readonly Hop[]): readonly HopName[] => hops.filter(hop => hop.reason !== null).map(hop => hop.hop)
const at = (hops: readonly Hop[], name: HopName): Hop => hops[HOPS.indexOf(name)]!

describe('the path', () => {
  it('leads from the programs to the certificate', () => {
    const hops = path(anOpenTunnel(orders), { connections: CONNECTIONS })
    expect(hops.map(hop => [hop.name, hop.note, hop.status])).toEqual([
      ['DBeaver, psql', '2 connections', 'open'],
      ['localhost:24017', 'listening', 'open'],
      ['prod.example.com', 'teleport-postgres', 'open'],
      ['Agent db-agent-1', 'reached', 'open'],
      ['Certificate for alice', expect.stringMatching(/^valid (59 m|1 h)$/), 'open'],
    ])
    expect(brokenOf(hops)).toEqual([])
  })

  it('is not used yet before a connection', () => {
    expect(path(undefined).map(hop => hop.status)).toEqual(['idle', 'idle', 'idle', 'idle', 'idle'])
  })

  it.each<[ErrorCode, HopName, Hop['remedy']]>([
    ['tunnel/port-in-use', 'local', 'other-port'],
    ['tunnel/wrong-protocol', 'client', null],
    ['proxy/unreachable', 'proxy', 'again'],
    ['proxy/untrusted', 'proxy', null],
    ['tunnel/upstream-closed', 'agent', 'again'],
    ['access/denied', 'agent', null],
    ['login/expired', 'certificate', 'sign-in'],
    ['vault/locked', 'certificate', 'again'],
  ])('puts %s at one hop with one thing to do', (code, name, remedy) => {
    const hops = path(aFailedTunnel(orders, { code, facts: {} }))
    expect(brokenOf(hops)).toEqual([name])
    expect(at(hops, name)).toMatchObject({ status: 'failed', remedy })
    expect(at(hops, name).reason).toMatch(/^[A-Z].*\.$/)
  })

  it('knows a hop for every failure', () => {
    for (const code of ERROR_CODES) expect(HOPS).toContain(hopOf(code))
  })

  it('does not offer to start anew what has connections that work', () => {
    const trouble = { code: 'proxy/timeout', facts: { proxy: PROXY } } as const
    expect(at(path(anOpenTunnel(orders, { trouble, connections: 2 })), 'proxy').remedy).toBeNull()
    expect(at(path(anOpenTunnel(orders, { trouble, connections: 0 })), 'proxy').remedy).toBe('again')
  })

  it('shows the end of the session at the certificate, and a proxy without an answer at the proxy', () => {
    const ended: Session = { state: 'ended', profile: aProfile(), endedAt: 0, waiting: 1, tunnels: 1 }
    const hops = path(anOpenTunnel(orders, { waiting: 1 }), {
      session: ended,
      proxy: { reachable: false, since: 0, failure: { code: 'proxy/unreachable', facts: { proxy: PROXY } } },
    })
    expect(brokenOf(hops)).toEqual(['proxy', 'certificate'])
    expect(at(hops, 'certificate')).toMatchObject({ remedy: 'sign-in', reason: '1 connection waits and will go on.' })
    expect(at(hops, 'proxy')).toMatchObject({ remedy: null, note: 'no answer' })
  })

  it('names a few programs, marks what hides in a name, and says when the system does not tell', () => {
    const of = (...programs: string[]) => programs.map((program, n) => aConnection(n, { from: { pid: n, program } }))
    const name = (connections: ReturnType<typeof of>) => path(anOpenTunnel(orders), { connections })[0]!.name
    expect(name(of('a', 'b', 'c', 'd'))).toBe('a, b …')
    expect(name(of('ps\u202eql'))).toBe('ps\ufffdql')
    expect(path(anOpenTunnel(orders), { connections: [aConnection(1, { from: null })] })[0]!.name).toBe('Your program')
  })

  it('leaves the certificate to the program in passthrough mode', () => {
    expect(at(path(anOpenTunnel(orders, { mode: 'passthrough' })), 'certificate').name).toBe('Certificate of your program')
  })
})
