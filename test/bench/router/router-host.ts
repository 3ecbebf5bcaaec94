import { connect } from 'node:net'
import { ConnectionCount } from '../../../electron/cluster/router/connection-count.ts'
import { openRouter } from '../../../electron/cluster/router/router.ts'
import { Metrics } from '../../../electron/cluster/operations/metrics.ts'
import { observeConnections } from '../../../electron/cluster/operations/observe-connections.ts'
import { NO_LOG } from '../../../electron/log/log.ts'
import { makeCertificates } from '../../kit/certificates.ts'

/** What the other programs are given, so that they do the same. */
export interface RouterForBench {
  readonly port: number
  readonly server: { readonly key: string; readonly cert: string }
  /** PEM of the authority whose clients may show a certificate. */
  readonly clientCa: string
}

/** Child process: a router without limits on connections, and with metrics as a cluster has them. argv: where other clusters' auth service is. */
const certificates = await makeCertificates()
const server = await certificates.server()
const cas = [certificates.userRoot]
const far = Number(process.argv[2])
const router = await openRouter({
  listen: { host: '127.0.0.1', port: 0 },
  clusterName: 'root.test',
  webKeyPair: () => server,
  hostKeyPair: () => server,
  clientCas: () => cas,
  handlers: {
    // The handshake is all that is measured here.
    web: stream =>
      void stream
        .on('error', () => stream.destroy())
        .once('end', () => stream.end())
        .resume(),
    auth: stream => void stream.destroy(),
  },
  dialLeafAuth: async () => connect({ port: far, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }),
  count: new ConnectionCount(Infinity, Infinity, NO_LOG),
  observer: observeConnections(new Metrics(), NO_LOG, 'debug'),
  log: NO_LOG,
})
const told: RouterForBench = { port: router.address.port, server, clientCa: certificates.userRoot }
process.send!(told)
process.once('disconnect', () => process.exit(0))
