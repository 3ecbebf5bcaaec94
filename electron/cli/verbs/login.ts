import { PorticoError } from '../../../shared/errors.ts'
import { namedProxy } from '../../app/choose-profile.ts'
import type { StoredProfile } from '../../app/context.ts'
import { parseDuration } from '../duration.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'
import { signInHere } from '../session.ts'
import { timeLeft } from '../table.ts'

interface Options {
  readonly passwordStdin?: boolean
  readonly auth?: string
  readonly ttl?: string
}

export function login(run: Run, _args: readonly string[], { ttl, ...flags }: Options): Promise<void> {
  const ttlMs = ttl === undefined ? {} : { ttlMs: parseDuration(ttl, '--ttl') }
  return withContext(run, async context => {
    const proxy = namedProxy(run.globals.proxy, run.env) ?? context.profiles.current()?.proxy
    if (proxy === undefined) throw new PorticoError('usage/invalid', { why: 'no proxy is named', next: 'portico login --proxy HOST:PORT' })
    const profile = await signInHere(run, context, proxy, { ...flags, ...ttlMs })
    if (run.say.json) return run.say.value(loginDocument(profile))
    run.say.text(
      `Signed in to ${profile.cluster} (${profile.proxy}) as ${profile.user}, for ${timeLeft(profile.validUntil - context.now())}.`,
    )
    run.say.hint('Next: portico db ls')
  })
}

function loginDocument({ proxy, cluster, user, roles, logins, validUntil }: StoredProfile): unknown {
  return { proxy, cluster, user, roles, logins, validUntil: new Date(validUntil).toISOString() }
}
