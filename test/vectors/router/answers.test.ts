// answers.json: what the port of a Teleport 13.0.0-dev answered to every offer, captured, fixtures/teleport-13/router (CA names, server
// bytes and times left out). deviations.json: where our router answers otherwise, by reason; the test holds it complete.
import { readFileSync } from 'node:fs'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openRefusingServices } from '../../../electron/cluster/router/refusing-services.ts'
import { serveTls } from '../../../electron/cluster/router/tls-server.ts'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import { authAlpnFor } from '../../../electron/cluster/auth/grpc-server.ts'
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
      mysql: greet,
      database: greet,
      'reverse-tunnel': greet,
      ssh: greet,
      kube: greet,
      ...openRefusingServices().handlers,
      auth: async (stream, { offered }) => {
        const alpn = authAlpnFor(offered)
        const served = await serveTls(stream, {
          keyPair: authHost,
          clientCas: [],
          clientCertificate: 'none',
          ...(alpn === undefined ? {} : { alpn }),
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
    db: await clientPair(under.userCa, { routeToDatabase: pg, usage: ['usage:db'] }),
    foreign: await clientPair(await newCa('foreign'), {}),
  }
})
afterAll(() => under.close())

const expected = ({ handshake, negotiated, certificate, alert, end }: Row): string => {
  if (handshake !== 'ok') return alert === undefined ? 'closed' : `alert ${alert}`
  return `${negotiated === false ? '-' : negotiated} ${certificate}${alert === undefined ? (end === undefined ? '' : ', closed') : `, alert ${alert}`}`
}

const ALERTS: Readonly<Record<string, number>> = {
  HANDSHAKE_FAILURE: 40,
  BAD_CERTIFICATE: 42,
  UNKNOWN_CA: 48,
  INTERNAL_ERROR: 80,
  CERTIFICATE_REQUIRED: 116,
  NO_APPLICATION_PROTOCOL: 120,
}
/** Silent and open for so long: the handler waits for the client. */
const OPEN_MS = 500

/** Open, or with a byte from its handler, counts as answered; everything else is how it ended. */
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
    let open: NodeJS.Timeout | undefined
    const done = (how: string): void => {
      clearTimeout(open)
      resolve(shaken === undefined ? how : how === '' ? shaken : `${shaken}, ${how}`)
      socket.destroy()
    }
    socket.once('secureConnect', () => {
      const subject = socket.getPeerX509Certificate()?.subject.replace('CN=', '') ?? ''
      shaken = `${socket.alpnProtocol || '-'} ${subject}`
      open = setTimeout(() => done(''), OPEN_MS)
    })
    socket.once('data', () => done(''))
    socket.on('error', error => {
      const name = /ALERT_([A-Z_]+)/.exec((error as NodeJS.ErrnoException).code ?? '')?.[1]
      if (name !== undefined) done(`alert ${ALERTS[name] ?? name}`)
    })
    socket.once('close', () => done('closed'))
  })
}

it('answers as Teleport does, but for the listed deviations', { timeout: 60_000 }, async () => {
  const listed = new Map(Object.entries(deviations).flatMap(([reason, lines]) => lines.map(line => [line, reason] as const)))
  const found: string[] = []
  let equal = 0
  const rows = Object.entries(answers).flatMap(([group, list]) => list.map(row => ({ group, row })))
  await Promise.all(
    Array.from({ length: 24 }, async () => {
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
  expect(equal).toBe(546)
})
