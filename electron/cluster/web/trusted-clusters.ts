import { PorticoError } from '../../../shared/errors.ts'
import type { JoinTokens } from '../auth/join-tokens.ts'
import { SERVER_VERSION } from '../auth/messages.ts'
import type { OpenAuth } from '../auth/open-auth.ts'
import { decodeCa, encodeCa } from '../leaf/ca-resource.ts'
import { jsonAnswer, WebRefusal, type Answer, type WebRequest } from './answer.ts'
import { readJson } from './read-json.ts'

const VALIDATE = { token: 'string', certificate_authorities: '[]string', teleport_version: 'string' } as const
const ROLE = 'trusted_cluster'
const REJECTED = 'access denied: the cluster token has been rejected'

const text = (base64: string): string => Buffer.from(base64, 'base64').toString('utf8')

/**
 * POST trustedclusters/validate: another cluster becomes a leaf of this one, by a token, and gets our authorities for its own.
 * Teleport: lib/auth/trustedcluster.go validateTrustedCluster [captured: fixtures leaf/trusted-validate.*]
 */
export async function validateTrustedCluster({
  auth,
  tokens,
  request,
}: {
  auth: OpenAuth
  tokens: JoinTokens
  request: WebRequest
}): Promise<Answer> {
  const body = await readJson(request, 'ValidateTrustedClusterRequestRaw', VALIDATE)
  if ((await tokens.rolesOf(body.token))?.includes(ROLE) !== true) throw new WebRefusal(403, REJECTED)
  const [given, ...more] = body.certificate_authorities
  if (given === undefined || more.length > 0)
    throw new WebRefusal(403, `access denied: expected exactly one authority, got ${body.certificate_authorities.length}`)
  const ca = authorityOf(given)
  const name = ca.cluster
  if (name === auth.clusterName) throw new WebRefusal(403, `access denied: remote cluster has same name as this cluster: "${name}"`)
  const known = auth.trust.leaves().includes(name) || auth.trust.roots().some(root => root.name === name)
  // The same cluster may come again, after its side was set up anew; another one of that name may not.
  if (known && !auth.trustedCas('host').some(one => one.cluster === name && one.tls.join() === ca.tls.join())) {
    throw new WebRefusal(403, `access denied: cluster "${name}" is trusted already`)
  }
  await auth.trust.addLeaf({ name, cas: [ca] })
  return jsonAnswer({
    certificate_authorities: (['host', 'user', 'db'] as const).map(type => Buffer.from(encodeCa(auth.ca(type)), 'utf8').toString('base64')),
    teleport_version: SERVER_VERSION,
  })
}

function authorityOf(given: string): NonNullable<ReturnType<typeof decodeCa>> {
  try {
    const ca = decodeCa(text(given))
    if (ca?.type === 'host' && ca.tls.length > 0 && ca.ssh.length > 0) return ca
  } catch (thrown) {
    if (!(thrown instanceof PorticoError)) throw thrown
  }
  throw new WebRefusal(400, 'the certificate authority cannot be read')
}
