import { ALPN } from '../../../shared/protocols.ts'
import type { ClientHello } from '../../wire/client-hello.ts'
import { decodeClusterSni } from '../../wire/cluster-name.ts'
import type { KeyPair } from '../auth/auth.ts'
import type { Termination } from './route.ts'
import type { RouterOptions } from './router-options.ts'
import { SERVER_ALPN, SERVER_ALPN_ACME } from './routes.ts'
import type { TlsConfiguration } from './tls-context.ts'

/**
 * How the router ends the outer TLS of a route. wire/alpn-sni.md 3.4, 3.5
 * @param webKeyPair shown on the web routes
 */
export function configurationFor(
  tls: Exclude<Termination, 'forward'>,
  { sni, alpn: offered }: ClientHello,
  webKeyPair: KeyPair,
  options: RouterOptions,
): TlsConfiguration {
  switch (tls) {
    case 'web':
    case 'web+host': {
      const alpn = options.acmeKeyPair === undefined ? SERVER_ALPN : SERVER_ALPN_ACME
      return { keyPair: webKeyPair, clientCas: options.clientCas(), clientCertificate: 'optional', alpn }
    }
    case 'host':
      return { keyPair: options.hostKeyPair(), clientCas: [], clientCertificate: 'none' }
    case 'host-h2':
      return {
        keyPair: options.hostKeyPair(),
        clientCas: [],
        clientCertificate: 'none',
        // Go lets a client of HTTP/1.1 alone into a server of h2 alone, with nothing negotiated. [captured]
        ...(offered.includes(ALPN.http11) && !offered.includes(ALPN.h2) ? {} : { alpn: [ALPN.h2] }),
      }
    case 'host-mtls': {
      const clientCas = trustedCas(sni, options)
      // Teleport negotiates h2 only where it takes no client anyway. [captured]
      return {
        keyPair: options.hostKeyPair(),
        clientCas,
        clientCertificate: 'required',
        ...(clientCas.length === 0 ? { alpn: [ALPN.h2] } : {}),
      }
    }
    case 'host-kube':
      return {
        keyPair: options.hostKeyPair(),
        clientCas: trustedCas(sni, options),
        clientCertificate: 'optional',
        alpn: [ALPN.h2, ALPN.http11],
      }
  }
}

/**
 * The TLS that a database client opens inside: its certificate says which database. wire/alpn-sni.md 3.2. Teleport takes certificates of
 * every trusted cluster here and refuses the users of leaves later; their authority says nothing about ours, so we do it here.
 */
export function innerConfiguration({ hostKeyPair, clientCas }: RouterOptions): TlsConfiguration {
  return { keyPair: hostKeyPair(), clientCas: clientCas(), clientCertificate: 'required' }
}

/** A name of the form `<hex of cluster>.teleport.cluster.local` narrows whose clients are taken; every other name does not. */
function trustedCas(sni: string | undefined, { trustedCas: casOf, clientCas, clusterName }: RouterOptions): readonly string[] {
  const named = sni === undefined ? undefined : decodeClusterSni(sni)
  const cluster = named?.state === 'cluster' ? named.cluster : undefined
  if (casOf !== undefined) return casOf(cluster)
  return cluster === undefined || cluster === clusterName ? clientCas() : []
}
