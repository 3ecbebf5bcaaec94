import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partsHere } from '../../../electron/cluster/lab/lab-parts.ts'
import type { Lab } from '../../../electron/cluster/lab/start-lab.ts'
import { encodeStartup } from '../../../electron/wire/postgres.ts'
import { ALPN } from '../../../shared/protocols.ts'
import { HAPROXY, startHaproxy, type Balancer } from '../../kit/balancer.ts'
import { missingMongo, mongoServer, type MongoServer } from '../../kit/mongo-server.ts'
import { Portico, type Staying } from '../cli/portico.ts'
import { certificateFor } from '../cluster/lab-client.ts'
import { labWith, openLabTunnel } from './lab-tunnel.ts'
import { steadyLoad, type SteadyLoad } from './steady-load.ts'
import { freePort } from '../../kit/free-port.ts'

/** `npm run soak` makes these longer. */
const LOAD_S = Number(process.env['PORTICO_SOAK_LOAD_S'] ?? 100)
const IDLE_S = Number(process.env['PORTICO_SOAK_IDLE_S'] ?? 90)
const LOGIN_S = 60
/** The middle box cuts what is idle for this long. */
const CUT_S = 60

const missing = missingMongo()
const DATABASES: readonly (readonly [name: string, protocol: string])[] = [
  ['orders', 'postgres'],
  ...partsHere().map(({ database }) => [database.name, database.protocol] as const),
  ...(missing === undefined ? [['catalog', 'mongodb'] as const] : []),
]
const seconds = (count: number): Promise<void> => sleep(count * 1_000)

describe.concurrent('a day of a tunnel, in short', () => {
  const portico = new Portico('portico long é ')
  let lab: Lab
  let mongo: MongoServer | undefined

  beforeAll(async () => {
    const port = missing === undefined ? await freePort() : undefined
    lab = await labWith(partsHere(), port === undefined ? undefined : `mongodb://localhost:${port}`, { certTtlMs: LOGIN_S * 1_000 })
    if (port === undefined) return
    mongo = await mongoServer(await lab.running.auth.signDatabaseServer(['localhost', '127.0.0.1'], (LOAD_S + 3_600) * 1_000), port)
    await mongo.start()
  }, 150_000)
  afterAll(async () => {
    await lab?.close(0)
    await mongo?.remove()
    portico.remove()
  }, 30_000)

  /** As a script does that somebody put into a timer. */
  async function signIn(): Promise<void> {
    const flags = ['login', '--proxy', lab.proxy, '--user', 'alice', '--ca-file', lab.caFile, '--json']
    expect(await portico.run(flags, { env: { PORTICO_PASSWORD: lab.password } })).toMatchObject({ code: 0 })
  }

  it(
    `logins of ${LOGIN_S} s, renewed only once they are over: no connection fails in ${LOAD_S} s (${DATABASES.map(([, protocol]) => protocol).join(', ')})`,
    async () => {
      await signIn()
      const tunnels: Staying[] = []
      const loads: SteadyLoad[] = []
      for (const [name, protocol] of DATABASES) {
        const staying = portico.stay(['proxy', 'db', name, '-p', '0', '--json'])
        tunnels.push(staying)
        loads.push(steadyLoad(protocol, await staying.line(line => line.event === 'open')))
      }
      let renewals = 0
      const needed = (): number =>
        tunnels.flatMap(({ lines }) => lines).filter(({ event, state }) => event === 'credentials' && state === 'login-needed').length
      // Whichever tunnel asks first: all of them are answered by one sign-in.
      let answered = 0
      for (const until = Date.now() + LOAD_S * 1_000; Date.now() < until; await sleep(200)) {
        if (needed() === answered) continue
        await seconds(1)
        answered = needed()
        await signIn()
        renewals++
      }
      await Promise.all(loads.map(load => load.end()))
      const failed = tunnels.flatMap(({ lines }) => lines).filter(({ event, state }) => event === 'connection' && state === 'failed')
      for (const tunnel of tunnels) await tunnel.end()

      expect(loads.flatMap(({ failures }) => failures)).toEqual([])
      expect(failed).toEqual([])
      expect(renewals).toBeGreaterThanOrEqual(Math.floor(LOAD_S / (LOGIN_S + 15)))
      for (const load of loads) {
        expect(load.connections).toBeGreaterThan(LOAD_S)
        expect(load.asked).toBeGreaterThan(LOAD_S)
      }
    },
    (LOAD_S + 120) * 1_000,
  )

  describe.skipIf(HAPROXY === undefined)(`behind a proxy that cuts what is idle for ${CUT_S} s`, () => {
    let balancer: Balancer

    beforeAll(async () => {
      balancer = await startHaproxy({
        configure: ({ port }) => `defaults
  mode tcp
  timeout connect 10s
  timeout client ${CUT_S}s
  timeout server ${CUT_S}s
listen cutter
  bind 127.0.0.1:${port}
  server lab 127.0.0.1:${lab.running.address.port}
`,
      })
    }, 30_000)
    afterAll(() => balancer?.close())

    it(
      `LISTEN hears what is notified after ${IDLE_S} s of silence`,
      async () => {
        const who = { name: 'orders', protocol: 'postgres', databaseUser: 'alice', databaseName: 'shop', mode: 'authenticated' } as const
        const tunnel = await openLabTunnel(lab, { ...who, proxyPort: balancer.port })
        const client = (): pg.Client => new pg.Client({ host: '127.0.0.1', port: tunnel.port, user: 'alice', database: 'shop' })
        const [listener, speaker] = [client(), client()]
        const broken: unknown[] = []
        listener.on('error', error => broken.push(error))
        await Promise.all([listener.connect(), speaker.connect()])
        await listener.query('listen news')
        await seconds(IDLE_S)
        const heard = once(listener, 'notification')
        await speaker.query("notify news, 'still here'")
        expect((await heard)[0]).toMatchObject({ channel: 'news', payload: 'still here' })
        expect(broken).toEqual([])
        await Promise.all([listener.end(), speaker.end()])
        await tunnel.close()
      },
      (IDLE_S + 60) * 1_000,
    )

    it(
      'a connection without ping frames is cut there',
      async () => {
        const route = { ServiceName: 'orders', Protocol: 'postgres', Username: 'alice', Database: 'shop' }
        const certificate = await certificateFor(lab, 'alice', route)
        const socket = connectTls({
          host: '127.0.0.1',
          port: balancer.port,
          servername: 'localhost',
          rejectUnauthorized: false,
          ...certificate,
          ALPNProtocols: [ALPN.postgres],
        }).on('error', () => {})
        socket.write(encodeStartup({ user: 'alice', database: 'shop' }))
        await once(socket, 'data')
        const began = Date.now()
        await once(socket.resume(), 'close')
        expect(Math.round((Date.now() - began) / 1_000)).toBeGreaterThanOrEqual(CUT_S - 2)
      },
      (CUT_S + 30) * 1_000,
    )
  })
})
