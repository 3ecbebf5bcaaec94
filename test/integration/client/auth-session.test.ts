import { once } from 'node:events'
import { create, toBinary } from '@bufbuild/protobuf'
import { afterEach, describe, expect, it } from 'vitest'
import type { AuthApi } from '../../../electron/client/client.ts'
import { openAuthApi } from '../../../electron/client/open-auth-api.ts'
import { readClientHello } from '../../../electron/wire/client-hello.ts'
import { ListResourcesResponseSchema } from '../../../electron/wire/gen/authservice_pb.ts'
import { grpcFrame } from '../../../electron/wire/grpc-frames.ts'
import { capturedBytes } from '../../vectors/client/captured.ts'
import { answer, openAuthServer, refuse, type AuthServer, type ServeCall } from './auth-server.ts'
import { openTcpServer } from './captured-proxy.ts'

const opened: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(opened.splice(0).map(server => server.close()))
})

async function server(serve: ServeCall, onConnection?: Parameters<typeof openAuthServer>[1]): Promise<AuthServer> {
  const open = await openAuthServer(serve, onConnection)
  opened.push(open)
  return open
}
async function api(open: AuthServer, more: Partial<Parameters<typeof openAuthApi>[0]> = {}): Promise<AuthApi> {
  const opening = await openAuthApi({
    proxy: { host: '127.0.0.1', port: open.port },
    rootCluster: 'small',
    cluster: 'small',
    login: await open.login(),
    hostCas: open.hostCas,
    ...more,
  })
  opened.push(opening)
  return opening
}
const list = capturedBytes('auth-grpc/list-db_server.response.bin')

describe('the hello to the auth service', () => {
  for (const [file, root, cluster] of [
    ['login-4', 'root.example', 'root.example'],
    ['login-leaf-insecure-4', 'root.example', 'leaf.example'],
    ['second-login-4', 'second.example', 'second.example'],
  ] as const) {
    it(`for ${cluster} of ${root} has the name and the protocols of tsh, in its order`, async () => {
      const theirs = readClientHello(capturedBytes(`client-hello/${file}.bin`))
      const certificates = await server(() => {})
      let received = (_first: Buffer): void => {}
      const first = new Promise<Buffer>(resolve => {
        received = resolve
      })
      const listening = await openTcpServer(socket => socket.on('data', (chunk: Buffer) => received(chunk)))
      opened.push(listening)
      const abort = new AbortController()
      const opening = openAuthApi({
        proxy: { host: '127.0.0.1', port: listening.port },
        rootCluster: root,
        cluster,
        login: await certificates.login(),
        hostCas: [],
        signal: abort.signal,
      })
      const ours = readClientHello(await first)
      abort.abort()
      await expect(opening).rejects.toMatchObject({ code: 'app/cancelled' })
      if (ours.state !== 'hello' || theirs.state !== 'hello') throw new Error('no hello')
      expect(ours.hello.sni).toBe(theirs.hello.sni)
      expect(ours.hello.alpn).toEqual(theirs.hello.alpn)
    })
  }
})

describe('a call to the auth service', () => {
  it('is answered by a server of another make', async () => {
    const open = await server(stream => answer(stream, list))
    expect((await (await api(open)).listDatabases()).map(database => database.name)).toEqual(['cache', 'maria', 'mongo', 'pg', 'pg-agent'])
  })

  it('takes an answer that comes byte by byte', async () => {
    const open = await server(stream => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
      for (const byte of grpcFrame(list)) stream.write(Buffer.from([byte]))
      stream.end()
    })
    expect(await (await api(open)).listDatabases()).toHaveLength(5)
  })

  it('fails by the status in the only headers, with its message decoded', async () => {
    const open = await server(stream => refuse(stream, 7, 'no%20way%3A caf%C3%A9'))
    await expect((await api(open)).listDatabases()).rejects.toMatchObject({
      code: 'access/denied',
      facts: { why: 'no way: café', grpc: 7 },
    })
  })

  it('fails by a status behind messages', async () => {
    const open = await server(stream => {
      stream.respond({ ':status': 200 }, { waitForTrailers: true })
      stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '14', 'grpc-message': 'gone' }))
      stream.end()
    })
    await expect((await api(open)).listDatabases()).rejects.toMatchObject({ code: 'proxy/refused', facts: { why: 'gone' } })
  })

  for (const [what, serve, code] of [
    [
      'without a status',
      stream => {
        stream.respond({ ':status': 200 })
        stream.end()
      },
      'proxy/refused',
    ],
    [
      'that is no gRPC',
      stream => {
        stream.respond({ ':status': 415 })
        stream.end('no')
      },
      'proxy/answer',
    ],
    [
      'that is cut short',
      stream => {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }))
        stream.end(Buffer.from([0, 0, 0, 0, 9, 1]))
      },
      'wire/cut-short',
    ],
    [
      'that is compressed',
      stream => {
        stream.respond({ ':status': 200 })
        stream.end(Buffer.from([1, 0, 0, 0, 0]))
      },
      'wire/malformed',
    ],
    ['that is no message', stream => answer(stream, Buffer.from([0xff, 0xff])), 'wire/malformed'],
    ['that is reset', stream => stream.close(2), 'proxy/refused'],
  ] as const satisfies readonly (readonly [string, ServeCall, string])[]) {
    it(`fails by an answer ${what}`, async () => {
      const open = await server(serve as ServeCall)
      await expect((await api(open)).listDatabases()).rejects.toMatchObject({ code })
    })
  }

  it('asks for less when an answer is announced as too long', async () => {
    let calls = 0
    const open = await server(stream => {
      calls += 1
      if (calls > 2) return answer(stream, list)
      stream.respond({ ':status': 200 })
      stream.write(Buffer.from([0, 0xff, 0xff, 0xff, 0xff]))
    })
    expect(await (await api(open)).listDatabases()).toHaveLength(5)
    expect(calls).toBe(3)
  })

  it('is made again on a new connection when the server goes away', async () => {
    let calls = 0
    const open = await server(stream => {
      calls += 1
      if (calls === 2) return stream.session?.destroy()
      answer(stream, toBinary(ListResourcesResponseSchema, create(ListResourcesResponseSchema, {})))
    })
    const client = await api(open)
    await client.listDatabases()
    await client.listDatabases()
    expect(calls).toBe(3)
    open.sessions.at(-1)!.goaway(0)
    open.sessions.at(-1)!.close()
    await once(open.sessions.at(-1)!, 'close')
    await client.listDatabases()
    expect(open.sessions).toHaveLength(3)
  })

  it('tells an expired sign-in from an alert and from a bare end', async () => {
    const open = await server(stream => answer(stream, list))
    const expired = await open.login({ notAfter: Date.now() - 60_000 })
    await expect(api(open, { login: expired }).then(client => client.listDatabases())).rejects.toMatchObject({ code: 'login/expired' })
    const closing = await server(
      () => {},
      socket => socket.destroy(),
    )
    await expect(api(closing).then(client => client.listDatabases())).rejects.toMatchObject({ code: 'proxy/refused' })
    await expect(api(closing, { now: () => Date.now() + 2 * 3_600_000 }).then(client => client.listDatabases())).rejects.toMatchObject({
      code: 'login/expired',
    })
  })

  it('finds nobody behind a port that is shut', async () => {
    const open = await server(() => {})
    await open.close()
    opened.splice(0)
    await expect(api(open)).rejects.toMatchObject({ code: 'proxy/unreachable' })
  })
})
