import { PorticoError } from '../../../shared/errors.ts'
import { findProfile, namedProxy } from '../../app/choose-profile.ts'
import { logOut } from '../../app/log-out.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'

export function logout(run: Run, _args: readonly string[], { all = false }: { readonly all?: boolean }): Promise<void> {
  return withContext(run, async context => {
    const name = namedProxy(run.globals.proxy, run.env)
    const one = name === undefined ? context.profiles.current() : findProfile(context, name)
    if (!all && name !== undefined && one === undefined) throw new PorticoError('profile/not-found', { name })
    const ended = all ? context.profiles.list().filter(({ source }) => source !== 'tsh') : one === undefined ? [] : [one]
    for (const { proxy } of ended) await logOut(context, proxy)
    if (run.say.json) return run.say.value({ loggedOut: ended.map(({ proxy }) => proxy) })
    run.say.text(...(ended.length === 0 ? ['Nobody was signed in.'] : ended.map(({ user, proxy }) => `Signed out ${user} from ${proxy}.`)))
  })
}
