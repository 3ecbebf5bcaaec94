import { connect as connectTls } from 'node:tls'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { databaseAlpn } from '../../../shared/protocols.ts'
import type { TunnelPlan } from '../../../electron/engine/engine.ts'
import { authenticationOk, encodeStartup, errorResponse, SSL_REQUEST } from '../../../electron/wire/postgres.ts'
import { makeCertificates, type TestCertificates } from '../../kit/certificates.ts'
import { expectNoLeaks } from '../../kit/no-leaks.ts'
import { hungUp, until } from '../../kit/read-socket.ts'
import { openDataPlane, type DataPlane } from '../../kit/run-data-plane.ts'
import { openCounterpart, type MetConnection } from '../../kit/tls-counterpart.ts'

expectNoLeaks()

let certificates: TestCertificates
let serverKeys: { key: string; cert: string }
const open: { close(): Promise<void> }[] = []
const sockets: Socket[] = []

beforeAll(async () => {
  certificates = await makeCertificates()
  serverKeys = await certificates.server()
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const one of open.splice(0).reverse()) await one.close()
})

interface Opened {
  readonly engine: DataPlane
  readonly port: number
  /** What reached the other side. */
  readonly reached: () => string
}

/** @param answer to each part that comes; called once before, with nothing */
async function tunnel(
  dbProtocol: string,
  answer: (met: MetConnection, part: string) => void,
  more: Partial<TunnelPlan> = {},
): Promise<Opened> {
  let got = ''
  const proxy = await openCounterpart({
    server: serverKeys,
    clientRoots: [certificates.userRoot],
    alpn: databaseAlpn(dbProtocol)!,
    serve: met => {
      met.onPayload(part => {
        got += part.toString('latin1')
        answer(met, part.toString('latin1'))
      })
      met.stream.once('end', () => met.stream.end())
      answer(met, '')
    },
  })
  const credentials = await certificates.database({ protocol: dbProtocol })
  const engine = openDataPlane({ credentials: async () => credentials })
  open.push(proxy, engine)
  const { port } = await engine.start({
    id: 'one',
    dbProtocol,
    mode: 'authenticated',
    listen: { hosts: ['127.0.0.1'], port: 0, socket: null },
    upstream: {
      proxy: { host: '127.0.0.1', port: proxy.port },
      servername: 'proxy.test',
      roots: [certificates.webRoot],
      certificate: null,
    },
    holdMs: 5_000,
    ...more,
  })
  return { engine, port, reached: () => got }
}

/** Everything that comes until the other side hangs up. */
function talk(port: number, ...said: readonly (string | Buffer)[]): { socket: Socket; answer: Promise<string> } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true }).on('error', () => {})
  sockets.push(socket)
  let text = ''
  socket.on('data', part => (text += part.toString('latin1')))
  for (const part of said) socket.write(part)
  return { socket, answer: hungUp(socket).then(() => text) }
}
const failure = async (engine: DataPlane): Promise<any> => {
  let found: unknown
  await until(() => {
    const failed = engine.events.find(event => event.type === 'connection' && event.state === 'failed')
    found = failed?.type === 'connection' && failed.state === 'failed' ? failed.failure : undefined
    return found !== undefined
  }, 'the failure is told')
  return found
}
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
/** Answers each request; none has a body. */
const webServer = (met: MetConnection, part: string): void => {
  for (const _end of part.matchAll(/\r\n\r\n/g)) met.write(Buffer.from(OK))
}
const request = (port: number, ...lines: string[]): string =>
  [`GET /_search HTTP/1.1`, `Host: localhost:${port}`, ...lines, '', ''].join('\r\n')

describe('a tunnel to a database that speaks HTTP', () => {
  it('serves a program, one request after the other', async () => {
    const { port, engine } = await tunnel('elasticsearch', webServer)
    const { socket, answer } = talk(port, request(port), request(port))
    await until(() => socket.bytesRead >= 2 * OK.length, 'both are answered')
    socket.end()
    expect(await answer).toBe(OK + OK)
    await until(() => engine.events.some(event => event.type === 'connection' && event.state === 'closed'), 'it is closed')
    expect(engine.events.filter(event => event.type === 'worked')).toHaveLength(1)
  })

  it.each(['elasticsearch', 'opensearch', 'dynamodb', 'clickhouse-http', 'snowflake'])(
    'refuses a web page, with words and before anything is passed on: %s',
    async dbProtocol => {
      const { port, engine, reached } = await tunnel(dbProtocol, webServer)
      const { answer } = talk(port, request(port, 'Origin: https://evil.example'))
      expect(await answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*Connection: close\r\n\r\nPortico: .*Origin/)
      expect(await failure(engine)).toMatchObject({ code: 'tunnel/request-refused' })
      expect(reached()).toBe('')
    },
  )

  it('refuses a name that was made to lead here', async () => {
    const { port, reached } = await tunnel('elasticsearch', webServer)
    const { answer } = talk(port, 'GET / HTTP/1.1\r\nHo', `st: evil.example:${port}\r\n\r\n`)
    expect(await answer).toMatch(/^HTTP\/1\.1 403 .*Host/s)
    expect(reached()).toBe('')
  })

  it('looks at every request of a connection that is kept alive', async () => {
    const { port, engine, reached } = await tunnel('elasticsearch', webServer)
    const good = request(port)
    const { socket, answer } = talk(port, good)
    await until(() => socket.bytesRead >= OK.length, 'the first is answered')
    socket.write('DELETE /all HTTP/1.1\r\nHost: evil.example\r\n\r\n')
    expect(await answer).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP\/1\.1 403 Forbidden\r\n/)
    expect(reached()).toBe(good)
    expect(await failure(engine)).toMatchObject({ code: 'tunnel/request-refused' })
  })
})

describe('the wrong program on a tunnel', () => {
  it.each(['postgres', 'redis', 'mongodb', 'clickhouse', 'mysql'])('is answered when it is a browser: %s', async dbProtocol => {
    // MySQL's server speaks first, so it is judged while bytes flow already.
    const { port, engine, reached } = await tunnel(dbProtocol, (met, part) => {
      if (dbProtocol === 'mysql' && part === '') met.write(Buffer.from([3, 0, 0, 0, 0x0a, 0x38, 0]))
    })
    const { socket, answer } = talk(port)
    if (dbProtocol === 'mysql') await until(() => socket.bytesRead === 7, 'the greeting came')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    expect(await answer).toMatch(/HTTP\/1\.1 400 Bad Request\r\n[^]*Portico: this port is a tunnel to a database \(/)
    expect(await failure(engine)).toMatchObject({ code: 'tunnel/wrong-protocol', facts: { got: 'HTTP' } })
    expect(reached()).toBe('')
  })

  it.each(['postgres', 'redis', 'mongodb', 'sqlserver'])('is let go when it begins with TLS: %s', async dbProtocol => {
    const { port, engine, reached } = await tunnel(dbProtocol, () => {})
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false }).on('error', () => {})
    sockets.push(socket)
    await hungUp(socket)
    expect(await failure(engine)).toMatchObject({ code: 'tunnel/wrong-protocol', facts: { got: 'TLS' } })
    expect(reached()).toBe('')
  })

  it('is told when it insists on TLS inside', async () => {
    const { port, engine } = await tunnel('postgres', (met, part) => part !== '' && met.write(Buffer.from('N')))
    const { socket } = talk(port, SSL_REQUEST)
    await until(() => socket.bytesRead === 1, 'N came')
    socket.destroy()
    expect(await failure(engine)).toMatchObject({ code: 'tunnel/wrong-protocol', facts: { got: 'TLS' } })
  })

  it.each(['authenticated', 'passthrough'] as const)('is let go when it stops in mid-packet: %s', async mode => {
    const { port, reached } = await tunnel('postgres', () => {}, { firstBytesMs: 80, mode })
    const whole = encodeStartup({ user: 'reader', database: 'postgres' })
    const { answer } = talk(port, whole.subarray(0, 20))
    expect(await answer).toBe('')
    expect(reached()).toBe('')
  })

  it('is let go when it says nothing, but a slow one that spoke is kept', async () => {
    const { port } = await tunnel('redis', (met, part) => part !== '' && met.write(Buffer.from('+PONG\r\n')), { firstBytesMs: 80 })
    const silent = talk(port)
    const slow = talk(port, 'PING\r\n')
    expect(await silent.answer).toBe('')
    slow.socket.write('PING\r\n')
    await until(() => slow.socket.bytesRead === 14, 'it is served still')
  })
})

describe('a tunnel whose user and name are good', () => {
  it('says so once, and not for one that the database refuses', async () => {
    const answers = [errorResponse({ message: 'access to db denied' }), authenticationOk(), authenticationOk()]
    const { port, engine } = await tunnel('postgres', (met, part) => part !== '' && met.write(answers.shift()!))
    const worked = (): number => engine.events.filter(event => event.type === 'worked').length
    const closed = (): number => engine.events.filter(event => event.type === 'connection' && event.state === 'closed').length
    for (const [round, expected] of [0, 1, 1].entries()) {
      const { socket, answer } = talk(port, encodeStartup({ user: 'reader', database: 'postgres' }))
      await until(() => socket.bytesRead > 5, 'an answer came')
      socket.end()
      await Promise.race([answer, new Promise(resolve => setTimeout(resolve, 100))])
      socket.destroy()
      await until(() => closed() === round + 1, 'it is gone')
      expect(worked()).toBe(expected)
    }
  })
})
