import { randomBytes } from 'node:crypto'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ALPN } from '../../../shared/protocols.ts'
import { pingFramed } from '../../../electron/cluster/router/ping-framed.ts'
import { HAPROXY, NGINX, startHaproxy, startNginx, type Balancer } from '../../kit/balancer.ts'
import { newCa, serverPair } from './certificates.ts'
import { eventually, openUnderTest, type UnderTest } from './router-under-test.ts'
import { askInside, openUpgradable, request } from './upgrade-under-test.ts'
import { WebSocketClient } from './websocket-client.ts'

async function ownPair(): Promise<Readonly<Record<string, string>>> {
  const { key, cert } = await serverPair(await newCa('balancer'), 'balancer')
  return { 'pair.pem': cert + key }
}

const DEFAULTS = `global
  nbthread 1
defaults
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout tunnel 60s
`
const haproxy = async (upstream: number): Promise<Balancer> =>
  startHaproxy({
    files: await ownPair(),
    configure: ({ folder, port }) => `${DEFAULTS}
listen web
  mode http
  bind 127.0.0.1:${port} ssl crt ${folder}/pair.pem
  server router 127.0.0.1:${upstream} ssl verify none
`,
  })
const nginx = async (upstream: number): Promise<Balancer> =>
  startNginx({
    files: await ownPair(),
    configure: ({ folder, port }) => `events {}
http {
  access_log off;
  client_body_temp_path ${folder}/a; proxy_temp_path ${folder}/b; fastcgi_temp_path ${folder}/c; uwsgi_temp_path ${folder}/d; scgi_temp_path ${folder}/e;
  server {
    listen 127.0.0.1:${port} ssl;
    ssl_certificate ${folder}/pair.pem;
    ssl_certificate_key ${folder}/pair.pem;
    location / {
      proxy_pass https://127.0.0.1:${upstream};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}`,
  })

const WEBSOCKET = [
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: alpn-ping',
]
const SAY = randomBytes(200_000)
const INSIDE = `CN=proxy-host ${ALPN.postgres} postgres true`

describe.each([
  ['haproxy', HAPROXY, haproxy],
  ['nginx', NGINX, nginx],
] as const)('behind %s that ends TLS and drops ALPN', (name, path, open) => {
  let [under, balancer]: [UnderTest | undefined, Balancer | undefined] = [undefined, undefined]
  beforeAll(async () => {
    if (path === undefined) return
    under = await openUpgradable()
    balancer = await open(under.port)
  })
  afterAll(async () => {
    await balancer?.close()
    await under?.close()
  })

  it.skipIf(path === undefined)(`every upgrade leads through (needs ${name})`, async () => {
    const newer = (type: string): string[] => [`Upgrade: ${type}`, `X-Teleport-Upgrade: ${type}`, 'Connection: Upgrade']
    const options = { ALPNProtocols: [ALPN.postgres] }
    const { stream: raw } = await request(balancer!.port, newer('alpn'))
    expect(await askInside(raw, options, SAY)).toBe(INSIDE)
    const { stream: framed } = await request(balancer!.port, newer('alpn-ping'))
    expect(await askInside(pingFramed(framed, 0), options, SAY)).toBe(INSIDE)
    for (const mask of ['zero', 'random'] as const) {
      const { head, stream } = await request(balancer!.port, WEBSOCKET)
      expect(head).toMatch(/^HTTP\/1.1 101 /)
      expect(await askInside(new WebSocketClient(stream, mask), options, SAY)).toBe(INSIDE)
    }
  })

  it.skipIf(path === undefined)(`ordinary requests go on (needs ${name})`, async () => {
    const { head, stream } = await request(balancer!.port, [], undefined, '/webapi/ping')
    expect(head).toContain(' 200 ')
    stream.destroy()
  })
})

describe.each(['send-proxy', 'send-proxy-v2'])('behind haproxy that passes TLS on with %s', option => {
  it.skipIf(HAPROXY === undefined)('the client address is the one that haproxy saw (needs haproxy)', async () => {
    const under = await openUnderTest({ proxyProtocol: 'on', proxyProtocolFrom: ['127.0.0.1'] })
    const balancer = await startHaproxy({
      configure: ({ port }) => `${DEFAULTS}
listen tls
  mode tcp
  bind 127.0.0.1:${port}
  server router 127.0.0.1:${under.port} ${option}
`,
    })
    const socket = connectTls({ port: balancer.port, host: '127.0.0.1', rejectUnauthorized: false, ALPNProtocols: [ALPN.postgres] })
    expect(String(await new Promise(resolve => socket.once('data', resolve)))).toBe('postgres\n')
    await eventually(() => under.handed.length > 0)
    expect(under.handed.at(-1)?.handshake.client).toEqual({ host: '127.0.0.1', port: socket.localPort })
    socket.destroy()
    await balancer.close()
    await under.close()
  })
})
