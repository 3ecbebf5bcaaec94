import { join } from 'node:path'
import type { Log } from '../../log/log.ts'
import type { Metrics } from '../operations/metrics.ts'
import type { ClusterConfig, ProxyConfig } from './cluster-config.ts'
import { selfSignedWebCertificate } from './web-certificate.ts'
import { openWebCertificates, type WebCertificates } from './web-certificates.ts'

/** The web certificates of a proxy, wherever they come from. */
interface Web {
  readonly pick: WebCertificates['pick']
  /** PEM file that clients may be told to trust. */
  readonly caFile: string
  reload(): void
  close(): void
}

/** @throws PorticoError `cluster/config` */
export async function openWeb(
  { dataDir }: ClusterConfig,
  { keyPairs, keyPairsReloadMs }: ProxyConfig,
  clusterName: string,
  hosts: readonly string[],
  { log, now, metrics }: { readonly log: Log; readonly now: () => number; readonly metrics: Metrics },
): Promise<Web> {
  const [first] = keyPairs
  if (first === undefined) {
    const { keyPair, caFile } = await selfSignedWebCertificate(join(dataDir, 'web'), clusterName, hosts, now())
    return { pick: () => keyPair, caFile, reload: () => {}, close: () => {} }
  }
  const reloads = metrics.counter('portico_certificate_reloads_total', 'Reloads of web certificates, by outcome.', ['outcome'])
  const onReload = (outcome: string): void => reloads.add(1, outcome)
  const certificates = openWebCertificates({ files: keyPairs, everyMs: keyPairsReloadMs, log, now, onReload })
  return { pick: certificates.pick, caFile: first.certFile, reload: () => void certificates.reload(), close: certificates.close }
}
