import { PorticoError } from '../../shared/errors.ts'
import { openAuthSessions, type AuthSessions } from '../app/auth-sessions.ts'
import { chooseProfile, findProfile, namedProxy, requireSession } from '../app/choose-profile.ts'
import type { Context, StoredProfile } from '../app/context.ts'
import { logIn } from '../app/log-in.ts'
import { lookAtProxy, PLAIN_TRUST, readCaFile } from '../app/look-at-proxy.ts'
import { withContext } from './open-context.ts'
import type { Run } from './run.ts'
import { isTerminal, openSecrets } from './secrets.ts'

export interface LoginFlags {
  readonly passwordStdin?: boolean
  readonly auth?: string
  readonly ttlMs?: number
}

/** A signed-in profile and open ways to its cluster. */
export interface Session {
  readonly context: Context
  readonly profile: StoredProfile
  readonly sessions: AuthSessions
}

/**
 * Runs `use` with the login that the flags name. On a terminal a missing or ended login is asked for there.
 * @throws PorticoError `login/required`, `login/expired` without a terminal
 */
export function withSession<T>(run: Run, use: (session: Session) => Promise<T>): Promise<T> {
  return withContext(run, async context => {
    const kept = await signedIn(run, context)
    const { caFile } = run.globals
    const profile = caFile === undefined ? kept : { ...kept, trust: { ...kept.trust, extraRoots: [...(await readCaFile(caFile))] } }
    if (profile.trust.insecure) warnInsecure(run)
    const sessions = openAuthSessions(context)
    try {
      return await use({ context, profile, sessions })
    } finally {
      sessions.close()
    }
  })
}

async function signedIn(run: Run, context: Context): Promise<StoredProfile> {
  try {
    const profile = requireSession(context, chooseProfile(context, run.globals.proxy))
    const { user } = run.globals
    if (user !== undefined && user !== profile.user) throw new PorticoError('login/required', { proxy: profile.proxy })
    return profile
  } catch (thrown) {
    const { code, facts } = PorticoError.from(thrown)
    const proxy = namedProxy(run.globals.proxy, context.env) ?? context.profiles.current()?.proxy
    if ((code !== 'login/required' && code !== 'login/expired') || proxy === undefined || !isTerminal(process.stdin))
      throw new PorticoError(code, facts, thrown)
    return signInHere(run, context, proxy, {})
  }
}

/** Looks at the proxy, asks for what it wants, signs in. */
export async function signInHere(
  run: Run,
  context: Context,
  proxy: string,
  { passwordStdin = false, auth, ttlMs }: LoginFlags,
): Promise<StoredProfile> {
  const {
    globals,
    env,
    lifetime: { signal },
  } = run
  if (auth !== undefined && auth !== 'local')
    throw new PorticoError('login/unsupported', { proxy, why: `connector "${auth}" was asked for` })
  const known = findProfile(context, proxy)
  const trust = {
    extraRoots: globals.caFile === undefined ? (known?.trust.extraRoots ?? PLAIN_TRUST.extraRoots) : await readCaFile(globals.caFile),
    caPin: globals.caPin ?? known?.trust.caPin,
    insecure: globals.insecure ?? false,
  }
  if (trust.insecure) warnInsecure(run)
  const secrets = openSecrets({ passwordStdin, env, stdin: process.stdin, stderr: process.stderr, signal, proxy })
  const looked = await lookAtProxy(proxy, trust, signal)
  if (looked.form.kind === 'unsupported')
    throw new PorticoError('login/unsupported', { proxy: looked.form.proxy, why: `the cluster asks for ${looked.form.wants}` })
  const user = globals.user ?? findProfile(context, looked.form.proxy)?.user ?? (await systemUser())
  const password = await secrets.password(`Password of ${user} for ${looked.form.proxy}:`)
  const wish = { looked, user, password, ttlMs, trust }
  try {
    return await logIn(context, wish, signal)
  } catch (thrown) {
    // Second factor `on` and `optional`: which user needs a code is told after the password. wire/webapi.md 6
    if (PorticoError.from(thrown).code !== 'login/code-needed') throw thrown
    return logIn(context, { ...wish, code: await secrets.code('One-time code:') }, signal)
  }
}

function warnInsecure({ say }: Run): void {
  say.warn('warning: the certificate of the proxy is not verified (--insecure)')
}

/** As tsh and ssh do. */
async function systemUser(): Promise<string> {
  const { userInfo } = await import('node:os')
  try {
    return userInfo().username
  } catch (error) {
    throw new PorticoError('usage/invalid', { why: 'name the Teleport user with --user' }, error)
  }
}
