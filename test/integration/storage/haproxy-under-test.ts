import { startHaproxy, type Balancer } from '../../kit/balancer.ts'

/** In front of the routers as an operator has it: TCP, one after the other, checked; a connection that one refuses goes to the next. */
export const openHaproxy = (routers: readonly number[]): Promise<Balancer> =>
  startHaproxy({
    configure: ({ port }) => `defaults
  mode tcp
  timeout connect 2s
  timeout client 1h
  timeout server 1h
  retries 3
  option redispatch 1
listen routers
  bind 127.0.0.1:${port}
  balance roundrobin
  default-server check inter 200ms fall 2 rise 1
${routers.map((router, at) => `  server router${at + 1} 127.0.0.1:${router}`).join('\n')}
`,
  })
