import { existsSync } from 'node:fs'
import { startHaproxy, startNginx, type Balancer } from '../../kit/balancer.ts'
import type { RouterForBench } from './router-host.ts'

/** haproxy that ends TLS as the router's web route does: same key, same ALPN, a client certificate asked for; one thread. */
export const startTerminating = ({ server, clientCa }: RouterForBench): Promise<Balancer> =>
  startHaproxy({
    files: { 'pair.pem': server.cert + server.key, 'clients.pem': clientCa },
    configure: ({ folder, port }) => `global
  nbthread 1
  no strict-limits
  maxconn 11000
  ssl-default-bind-options ssl-min-ver TLSv1.2
defaults
  mode http
  option http-ignore-probes
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend web
  bind 127.0.0.1:${port} backlog 4096 ssl crt ${folder}/pair.pem ca-file ${folder}/clients.pem verify optional alpn http/1.1
  http-request return status 204
`,
  })

/** haproxy that looks at SNI and ALPN and passes TLS on; one thread. */
export const startForwarding = (far: number): Promise<Balancer> =>
  startHaproxy({
    configure: ({ port }) => `global
  nbthread 1
defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
frontend routed
  bind 127.0.0.1:${port}
  tcp-request inspect-delay 5s
  tcp-request content accept if { req.ssl_hello_type 1 }
  use_backend nowhere if { req.ssl_sni -m beg kube-teleport-proxy-alpn. }
  use_backend far if { req.ssl_alpn -m beg teleport-auth@ }
  default_backend nowhere
backend far
  server far 127.0.0.1:${far}
backend nowhere
  tcp-request content reject
`,
  })

/** Where Debian has it as a module of its own; elsewhere it is built in. */
const STREAM_MODULE = '/usr/lib/nginx/modules/ngx_stream_module.so'

/** The same by nginx; one process. */
export const startPrereading = (far: number): Promise<Balancer> =>
  startNginx({
    configure: ({ port }) => `${existsSync(STREAM_MODULE) ? `load_module ${STREAM_MODULE};` : ''}
events {}
stream {
  map $ssl_preread_server_name:$ssl_preread_alpn_protocols $far {
    ~^kube-teleport-proxy-alpn\\. 127.0.0.1:1;
    ~:teleport-auth@ 127.0.0.1:${far};
    default 127.0.0.1:1;
  }
  server {
    listen 127.0.0.1:${port};
    ssl_preread on;
    proxy_timeout 1h;
    proxy_pass $far;
  }
}
`,
  })
