// grpc-doors.json: which gRPC services stood behind which name of a Teleport 13.0.0-dev, captured, fixtures/teleport-13/router.
import { readFileSync } from 'node:fs'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ALPN } from '../../../shared/protocols.ts'
import type { KeyPair } from '../../../electron/cluster/auth/auth.ts'
import { openRefusingServices } from '../../../electron/cluster/router/refusing-services.ts'
import { decodeGrpcMessage } from '../../../electron/wire/grpc-status.ts'
import { encodeClusterSni } from '../../../electron/wire/cluster-name.ts'
import { clientPair } from '../../integration/router/certificates.ts'
import { openUnderTest, type UnderTest } from '../../integration/router/router-under-test.ts'

interface Door {
  readonly negotiated: string | false
  readonly methods: Readonly<Record<string, { readonly code: string; readonly message: string }>>
}
const doors = JSON.parse(readFileSync(new URL('grpc-doors.json', import.meta.url), 'utf8')) as Readonly<Record<string, Door>>

const services = openRefusingServices()
let under: UnderTest
let login: KeyPair
beforeAll(async () => {
  under = await openUnderTest({}, services.handlers)
  login = await clientPair(under.userCa, {})
})
afterAll(async () => {
  services.close()
  await under.close()
})

it.each(Object.entries(doors).filter(([name]) => name.startsWith('teleport-proxy-')))(
  '%s answers as captured',
  async (name, { negotiated, methods }) => {
    const alpn = [ALPN.proxyGrpcMtls, ALPN.proxySshGrpc, ALPN.proxyGrpc].find(known => name.startsWith(known))!
    const socket = connectTls({
      port: under.port,
      host: '127.0.0.1',
      servername: name.includes('hex(cluster)') ? encodeClusterSni('root.example') : 'localhost',
      rejectUnauthorized: false,
      ALPNProtocols: [alpn, 'h2'],
      ...(name.includes('no cert') ? {} : login),
    })
    await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
    expect(socket.alpnProtocol || false).toBe(negotiated)
    const session = connectHttp2('https://localhost', { createConnection: () => socket })
    for (const [path, expected] of Object.entries(methods)) {
      const answer = await new Promise<Record<string, unknown>>((resolve, reject) => {
        const call = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' })
        call.once('response', resolve).once('error', reject).end(Buffer.alloc(5))
      })
      expect([path, answer['grpc-status'], decodeGrpcMessage(String(answer['grpc-message']))]).toEqual([
        path,
        expected.code,
        expected.message,
      ])
    }
    session.destroy()
  },
)
