import type { Socket } from 'node:net'
import type { Log } from '../../log/log.ts'
import type { ConnectionLine, ConnectionObserver } from '../router/listener.ts'
import { causeLabel } from './cause-label.ts'
import type { Metrics } from './metrics.ts'

/**
 * A log line for each connection when it ends, and the metrics of all.
 * @param level of the line
 */
export function observeConnections(metrics: Metrics, log: Log, level: 'info' | 'debug'): ConnectionObserver {
  const open = new Map<Socket, string>()
  const moved = { in: 0, out: 0 }
  const accepted = metrics.counter('portico_connections_total', 'Connections that reached a handler, by route.', ['listener', 'route'])
  const failed = metrics.counter('portico_handshakes_failed_total', 'Connections that no handler got, by cause.', ['listener', 'cause'])
  const limited = metrics.counter('portico_connections_limited_total', 'Connections cut because a limit was reached.', [
    'listener',
    'limit',
  ])
  metrics.byLabel('portico_connections_open', 'Connections open now.', 'listener', () => countBy(open.values()))
  metrics.byLabel(
    'portico_bytes_total',
    'Bytes as they passed the ports, TLS included.',
    'direction',
    () => {
      let [bytesIn, bytesOut] = [moved.in, moved.out]
      for (const socket of open.keys()) {
        bytesIn += socket.bytesRead
        bytesOut += socket.bytesWritten
      }
      return [
        ['in', bytesIn],
        ['out', bytesOut],
      ]
    },
    'counter',
  )
  const tell = (listener: string, line: ConnectionLine): void => {
    if (line.served) accepted.add(1, listener, line.route)
    else failed.add(1, listener, causeLabel(line.cause))
    log[level]('router.connection', { listener, ...line })
  }
  return {
    opened: (listener, socket) => void open.set(socket, listener),
    refused: (listener, limit) => limited.add(1, listener, limit),
    closed(listener, socket, line) {
      open.delete(socket)
      moved.in += line.bytesIn
      moved.out += line.bytesOut
      tell(listener, line)
    },
    upgraded: line => tell('upgrade', line),
  }
}

function countBy(names: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>()
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1)
  return counts
}
