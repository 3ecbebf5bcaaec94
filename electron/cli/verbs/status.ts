import { ERRORS } from '../../../shared/errors.ts'
import { status as readStatus } from '../../app/status.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'
import { table, timeLeft } from '../table.ts'

export function status(run: Run): Promise<number> {
  return withContext(run, async context => {
    const { now } = context
    const profiles = readStatus(context)
    const isSignedIn = profiles.some(({ expired }) => !expired)
    if (run.say.json) {
      run.say.value({ profiles: profiles.map(profile => ({ ...profile, validUntil: new Date(profile.validUntil).toISOString() })) })
    } else if (profiles.length > 0) {
      const rows = profiles.map(({ current, proxy, cluster, user, roles, validUntil, expired }) => [
        current ? '*' : '',
        proxy,
        cluster,
        user,
        roles.join(', '),
        expired ? 'ended' : timeLeft(validUntil - now()),
      ])
      run.say.text(...table(['', 'PROXY', 'CLUSTER', 'USER', 'ROLES', 'TIME LEFT'], rows))
    } else {
      run.say.failure({ code: 'login/required', facts: {} })
    }
    return isSignedIn ? 0 : ERRORS['login/required'].exit
  })
}
