import { useProfile } from '../../app/use-profile.ts'
import { withContext } from '../open-context.ts'
import type { Run } from '../run.ts'

export function use(run: Run, [name = '']: readonly string[]): Promise<void> {
  return withContext(run, async context => {
    const proxy = await useProfile(context, name)
    if (run.say.json) return run.say.value({ proxy })
    run.say.text(`${proxy} is now the current cluster.`)
  })
}
