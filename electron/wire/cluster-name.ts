import { CLUSTER_SNI_SUFFIX } from '../../shared/protocols.ts'

export type ClusterSni =
  | { readonly state: 'cluster'; readonly cluster: string }
  /** No particular cluster: the bare suffix, or any other name. */
  | { readonly state: 'none' }
  | { readonly state: 'malformed' }

const DOT_SUFFIX = `.${CLUSTER_SNI_SUFFIX}`

/**
 * `<lower-case hex of the name>.teleport.cluster.local`, as SNI and after `teleport-auth@`. Teleport: api/utils/cluster.go.
 * A name over 31 bytes gives a label that no strict DNS name may have; Teleport does not mind, nor do we.
 */
export function encodeClusterSni(cluster: string): string {
  return Buffer.from(cluster, 'utf8').toString('hex') + DOT_SUFFIX
}

/** Case of the hex digits does not count; what stands before the suffix must be hex of UTF-8 text. */
export function decodeClusterSni(sni: string): ClusterSni {
  if (!sni.endsWith(DOT_SUFFIX)) return { state: 'none' }
  const hex = sni.slice(0, -DOT_SUFFIX.length)
  if (!/^(?:[0-9a-f]{2})+$/i.test(hex)) return { state: 'malformed' }
  try {
    return { state: 'cluster', cluster: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(hex, 'hex')) }
  } catch {
    return { state: 'malformed' }
  }
}
