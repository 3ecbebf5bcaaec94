import type { Answers } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Profile } from '../../shared/state.ts'
import { findProfile } from './choose-profile.ts'
import type { Context } from './context.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { lookAtProxy, PLAIN_TRUST, readCaFile } from './look-at-proxy.ts'
import { useProfile } from './use-profile.ts'

export interface LoginNeeds {
  readonly context: Context
  readonly signal: AbortSignal
  /** Profiles as the faces show them. */
  readonly shown: () => readonly Profile[]
  /** Stored profiles changed by what was asked here. */
  readonly onChange: () => void
  readonly stopTunnelsOf: (proxy: string) => Promise<unknown>
}

export interface Logins {
  readonly answers: Pick<Answers, 'login.look' | 'login.submit' | 'login.end' | 'profile.use'>
  /** @returns the proxy's name in the profiles. @throws PorticoError `login/*`, `proxy/*` */
  signIn(proxy: string, user: string, password: string, code?: string, extraRoots?: readonly string[]): Promise<string>
  /** Keeps a CA file for the next `login.look` of this proxy. @throws PorticoError `usage/invalid` */
  trustFile(proxy: string, path: string): Promise<void>
}

/** Signing in and out, and which login is on show. */
export function openLogins({ context, signal, shown, onChange, stopTunnelsOf }: LoginNeeds): Logins {
  const trustFiles = new Map<string, readonly string[]>()

  const trustFor = (proxy: string) => {
    const chosen = trustFiles.get(proxy)
    const stored = findProfile(context, proxy)?.trust
    if (chosen === undefined) return stored ?? PLAIN_TRUST
    return { ...(stored ?? PLAIN_TRUST), extraRoots: chosen }
  }

  const signIn: Logins['signIn'] = async (proxy, user, password, code, extraRoots) => {
    const trust = extraRoots === undefined ? trustFor(proxy) : { ...PLAIN_TRUST, extraRoots }
    const looked = await lookAtProxy(proxy, trust, signal)
    const profile = await logIn(context, { looked, user, password, code, trust }, signal)
    for (const name of [proxy, profile.proxy]) trustFiles.delete(name)
    onChange()
    return profile.proxy
  }

  return {
    signIn,
    async trustFile(proxy, path) {
      trustFiles.set(proxy, await readCaFile(path))
    },
    answers: {
      async 'login.look'({ proxy }) {
        const { form } = await lookAtProxy(proxy, trustFor(proxy), signal)
        // What was chosen for the name that was typed counts for the name that the proxy gives itself.
        const chosen = trustFiles.get(proxy)
        if (chosen !== undefined) trustFiles.set(form.proxy, chosen)
        return form
      },
      async 'login.submit'({ proxy, user, password, code }) {
        const name = await signIn(proxy, user, password, code)
        const found = shown().find(profile => profile.proxy === name)
        if (found === undefined) throw new PorticoError('app/bug', { why: 'a profile was not kept' })
        return found
      },
      async 'login.end'({ proxy }) {
        const found = findProfile(context, proxy)
        if (found === undefined) throw new PorticoError('profile/not-found', { name: proxy })
        await stopTunnelsOf(found.proxy)
        await logOut(context, found.proxy)
        onChange()
        return {}
      },
      async 'profile.use'({ proxy }) {
        await useProfile(context, proxy)
        onChange()
        return {}
      },
    },
  }
}
