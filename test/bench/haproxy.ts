import type { Credentials } from '../../electron/engine/engine.ts'
import { startHaproxy, type Balancer } from '../kit/balancer.ts'

/** The same hop by haproxy: plain in, TLS out, with client certificate, SNI, ALPN and the web root verified; one thread, as the tunnel has. */
export const startTunnelByHaproxy = (upstream: { port: number; webRoot: string; database: Credentials; alpn: string }): Promise<Balancer> =>
  startHaproxy({
    files: { 'client.pem': upstream.database.cert + upstream.database.key, 'roots.pem': upstream.webRoot },
    configure: ({ folder, port }) => `global
  nbthread 1
  maxconn 4000
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:${port}
  server far 127.0.0.1:${upstream.port} ssl crt ${folder}/client.pem ca-file ${folder}/roots.pem verify required verifyhost proxy.test sni str(proxy.test) alpn ${upstream.alpn}
`,
  })
