import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:tls'
import { ALPN } from '../../../shared/protocols.ts'
import { duplexPair } from '../../../electron/cluster/database/duplex-pair.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import type { Balancer } from '../../kit/balancer.ts'
import { cpuSeconds, end, start, told } from '../children.ts'
import { inTurns, MB, median, medianRatio, type Report } from '../figures.ts'
import { roundTrips, throughput } from '../traffic.ts'
import { startForwarding, startPrereading } from './balancers.ts'
import type { RouterForBench } from './router-host.ts'

/** What a client says first that wants the auth service of another cluster: nobody on the way ends its TLS. */
async function clientHello(): Promise<Buffer> {
  const [near, far] = duplexPair()
  const name = encodeClusterSni('leaf.test')
  const client = connect({ socket: near, servername: name, ALPNProtocols: [ALPN.auth + name, 'h2'] })
  client.on('error', () => {})
  const [hello] = (await once(far, 'data')) as [Buffer]
  client.destroy()
  return hello
}

/** A route that is chosen by SNI and ALPN and passed through, by three programs and by none. */
export async function measureForwarded(report: Report): Promise<void> {
  const children: ChildProcess[] = []
  const balancers: Balancer[] = []
  try {
    const hello = await clientHello()
    const server = start('plain-server')
    children.push(server)
    const far = (await told<{ port: number }>(server)).port
    const host = start('router-host', [String(far)], true)
    children.push(host)
    const router = await told<RouterForBench>(host)
    balancers.push(await startForwarding(far), await startPrereading(far))
    const [haproxy, nginx] = balancers
    const programs = [
      { name: 'haproxy', ...haproxy! },
      { name: 'nginx', ...nginx! },
      { name: 'router', port: router.port, pid: host.pid! },
    ] as const

    const trips = await inTurns([{ port: far }, ...programs], 8, async ({ port }) => [median(await roundTrips(port, 2_000, hello))])
    const [direct, ...added] = trips.map(median)
    report('round trip p50, direct', direct!, 'µs')
    const addedBy = added.map(trip => trip - direct!)
    programs.forEach(({ name }, at) => report(`round trip added by ${name}`, addedBy[at]!, 'µs'))
    report('round trip added, router ÷ haproxy', addedBy[2]! / addedBy[0]!, '×', 1.3, 'at most')

    for (const [label, direction, streams] of [
      ['down, 1 stream', 'send', 1],
      ['up, 1 stream', 'take', 1],
      ['down, 8 streams', 'send', 8],
    ] as const) {
      const bytes = (256 * MB) / streams
      const rounds = await inTurns(programs, 8, async ({ port, pid }) => {
        const before = cpuSeconds(pid)
        const rate = (await throughput(port, direction, streams, bytes, hello)) / MB
        return [{ rate, cpu: (cpuSeconds(pid) - before) / ((bytes * streams) / 1e9) }]
      })
      const rates = rounds.map(found => found.map(({ rate }) => rate))
      programs.forEach(({ name }, at) => {
        report(`forwarded ${label}, ${name}`, median(rates[at]!), 'MB/s')
        report(`forwarded ${label}, CPU per GB, ${name}`, median(rounds[at]!.map(({ cpu }) => cpu)), 's')
      })
      report(`forwarded ${label}, router ÷ haproxy`, medianRatio(rates[2]!, rates[0]!), '×', 0.8, 'at least')
      report(`forwarded ${label}, router ÷ nginx`, medianRatio(rates[2]!, rates[1]!), '×')
    }
  } finally {
    await Promise.all(balancers.map(balancer => balancer.close()))
    await Promise.all(children.map(end))
  }
}
