// answers.json: what the port of a Teleport 13.0.0-dev answered to every offer, captured, fixtures/teleport-13/router (CA names, server
// bytes and times left out). deviations.json: where our router answers otherwise, by reason; the test holds it complete.
import { readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ALPN, KUBE_SNI_PREFIXES, PING_SUFFIX } from '../../../shared/protocols.ts'
import { serveTls } from '../../../electron/cluster/router/tls-server.ts'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import { clientPair, newCa, serverPair } from '../../integration/router/certificates.ts'
import { openUnderTest, type UnderTest } from '../../integration/router/router-under-test.ts'

interface Row {
  readonly alpn: readonly string[] | null
  readonly sni: string | null
  readonly cert: 'none' | 'login' | 'db' | 'foreign'
  readonly version: string
  readonly handshake: 'ok' | 'alert' | 'closed'
  readonly negotiated?: string | false
  readonly certificate?: string
  readonly alert?: number
  readonly end?: readonly unknown[]
}
const load = <T>(file: string): T => JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')) as T
const answers = load<Record<string, readonly Row[]>>('answers.json')
const deviations = load<Record<string, readonly string[]>>('deviations.json')

let under: UnderTest
let certificates: Record<Row['cert'], Partial<KeyPair>>
beforeAll(async () => {
  const authCa = await newCa('root.example')
  const authHost = await serverPair(authCa, 'auth-host')
  const greet = (stream: NodeJS.WritableStream): void => void stream.write('x')
  under = await openUnderTest({
    handlers: {
      web: greet,
      postgres: greet,
      database: greet,
      auth: async stream => {
        const served = await serveTls(stream, {
          keyPair: authHost,
          clientCas: [],
          clientCertificate: 'none',
          alpn: ['h2'],
          deadlineMs: 1_000,
        })
        greet(served.stream)
      },
    },
  })
  const pg = { ServiceName: 'pg', Protocol: 'postgres', Username: 'alice', Database: 'app' }
  certificates = {
    none: {},
    login: await clientPair(under.userCa, {}),
    db: await clientPair(under.userCa, { routeToDatabase: pg }),
    foreign: await clientPair(await newCa('foreign'), {}),
  }
})
afterAll(() => under.close())

/** Names that Teleport 13 has a handler for and we have not: a row that it routes by one of them says nothing about our routes. */
const ABSENT: readonly string[] = [
  ALPN.acme,
  ALPN.proxySsh,
  ALPN.proxySshGrpc,
  ALPN.reverseTunnel,
  ALPN.proxyGrpc,
  ALPN.proxyGrpcMtls,
  ALPN.tcp,
  ALPN.mongodb,
  ALPN.redis,
  ALPN.sqlserver,
  ALPN.snowflake,
  ALPN.cassandra,
  ALPN.elasticsearch,
  ALPN.dynamodb,
]
const absent = (name: string): boolean => name.startsWith(ALPN.mysql) || ABSENT.includes(name.replace(/-ping$/, ''))
const present = (name: string): boolean =>
  [ALPN.http11, ALPN.h2, ALPN.postgres, ALPN.postgres + PING_SUFFIX].includes(name) || name.startsWith(ALPN.auth)
const isOurs = ({ alpn, sni }: Row): boolean => {
  const first = alpn?.find(name => absent(name) || present(name))
  return (first === undefined || present(first)) && !KUBE_SNI_PREFIXES.some(prefix => sni?.startsWith(prefix))
}

const expected = ({ handshake, negotiated, certificate, alert, end }: Row): string => {
  if (handshake !== 'ok') return alert === undefined ? 'closed' : `alert ${alert}`
  return `${negotiated === false ? '-' : negotiated} ${certificate}${alert === undefined ? (end === undefined ? '' : ', closed') : `, alert ${alert}`}`
}

/** Open, with a byte from its handler, counts as answered; everything else is how it ended. */
function ours({ alpn, sni, cert, version }: Row): Promise<string> {
  return new Promise(resolve => {
    const tlsVersion = `TLSv${version}` as 'TLSv1.2' | 'TLSv1.3'
    const socket = connectTls({
      port: under.port,
      host: '127.0.0.1',
      servername: sni ?? '',
      rejectUnauthorized: false,
      minVersion: tlsVersion,
      maxVersion: tlsVersion,
      ...(alpn === null ? {} : { ALPNProtocols: [...alpn] }),
      ...certificates[cert],
    })
    let shaken: string | undefined
    const done = (how: string): void => {
      resolve(how)
      socket.destroy()
    }
    socket.once('secureConnect', () => {
      const subject = socket.getPeerX509Certificate()?.subject.replace('CN=', '') ?? ''
      shaken = `${socket.alpnProtocol || '-'} ${subject}`
    })
    socket.once('data', () => done(shaken ?? 'data'))
    socket.on('error', error => {
      if (/ALERT_NO_APPLICATION_PROTOCOL/.test((error as NodeJS.ErrnoException).code ?? '')) done('alert 120')
    })
    socket.once('close', () => done(shaken === undefined ? 'closed' : `${shaken}, closed`))
  })
}

it('answers as Teleport does, but for the listed deviations', { timeout: 60_000 }, async () => {
  const listed = new Map(Object.entries(deviations).flatMap(([reason, lines]) => lines.map(line => [line, reason] as const)))
  const found: string[] = []
  let equal = 0
  const rows = Object.entries(answers).flatMap(([group, list]) => list.filter(isOurs).map(row => ({ group, row })))
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      for (let next = rows.pop(); next !== undefined; next = rows.pop()) {
        const { group, row } = next
        const [theirs, own] = [expected(row), await ours(row)]
        if (theirs === own) equal += 1
        else
          found.push(
            `${group} TLS ${row.version} ${row.cert} ${row.sni ?? 'no SNI'} ${row.alpn?.join(' ') ?? 'no ALPN'}: ${theirs} -> ${own}`,
          )
      }
    }),
  )
  expect(found.filter(line => !listed.has(line))).toEqual([])
  expect([...listed.keys()].filter(line => !found.includes(line))).toEqual([])
  expect(equal).toBeGreaterThan(200)
})
