import { listClusters } from '../../app/list-clusters.ts'
import type { Run } from '../run.ts'
import { withSession } from '../session.ts'
import { table } from '../table.ts'

/** The root cluster and its leaves. */
export function clustersLs(run: Run): Promise<void> {
  return withSession(run, async ({ context, profile }) => {
    const clusters = await listClusters(context, profile, run.lifetime.signal)
    if (run.say.json) return run.say.value({ clusters })
    run.say.text(
      ...table(
        ['CLUSTER', 'STATUS', 'TYPE'],
        clusters.map(({ name, status, root }) => [name, status, root ? 'root' : 'leaf']),
      ),
    )
  })
}
