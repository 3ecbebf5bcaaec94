import { formatAddress } from '../../shared/address.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { HostCa, LoginResult, Trust } from '../client/client.ts'
import { logIn as ask } from '../client/log-in.ts'
import { openAuthApi } from '../client/open-auth-api.ts'
import { readLogin } from '../client/read-login.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { Context } from './context.ts'
import type { LookedAt } from './look-at-proxy.ts'

export interface LoginWish {
  readonly looked: LookedAt
  readonly user: string
  readonly password: string
  readonly code?: string | undefined
  readonly ttlMs?: number | undefined
  readonly trust: Trust
}

/**
 * Signs in, keeps profile, keys, host CAs and trust, and makes it the current profile.
 * @throws PorticoError `login/*`, `proxy/*`, `state/*`
 */
export async function logIn(context: Context, wish: LoginWish, signal: AbortSignal): Promise<StoredProfile> {
  const {
    looked: { ping, form },
    user,
    password,
    code,
    ttlMs,
    trust,
  } = wish
  if (form.kind === 'unsupported')
    throw new PorticoError('login/unsupported', { proxy: form.proxy, why: `the cluster asks for ${form.wants}` })
  const result = await ask({
    proxy: ping.webProxy,
    ping,
    user,
    password,
    trust,
    signal,
    ...(code === undefined || code === '' ? {} : { code }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  })
  const profile: StoredProfile = {
    proxy: formatAddress(ping.webProxy),
    cluster: ping.cluster,
    user: result.user,
    serverVersion: ping.serverVersion,
    ...readLogin(result.files.tlsCert),
    hostCas: await allHostCas(context, ping, result, signal),
    ...(result.webCertificate === undefined ? {} : { webCertificate: result.webCertificate }),
    trust,
  }
  await context.profiles.save(profile, result.files)
  context.log.info('login.done', { proxy: profile.proxy, cluster: profile.cluster, user: profile.user })
  return profile
}

/**
 * The authorities of the cluster and of its leaves: what the root says about them. A root that does not answer is no reason to refuse a
 * sign-in; its own came along with it. wire/identity.md 9.1
 */
async function allHostCas(
  context: Context,
  { webProxy, cluster }: LookedAt['ping'],
  { files, hostCas }: LoginResult,
  signal: AbortSignal,
): Promise<readonly HostCa[]> {
  try {
    const api = await openAuthApi({ proxy: webProxy, rootCluster: cluster, cluster, login: files, hostCas, signal })
    try {
      const leaves = (await api.hostCas(signal)).filter(ca => !hostCas.some(own => own.cluster === ca.cluster))
      return [...hostCas, ...leaves]
    } finally {
      api.close()
    }
  } catch (thrown) {
    if (signal.aborted) throw thrown
    context.log.warn('login.authorities', { proxy: formatAddress(webProxy) }, thrown)
    return hostCas
  }
}
