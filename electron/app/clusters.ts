import type { Answers } from '../../shared/contract.ts'
import { PorticoError } from '../../shared/errors.ts'
import type { Cluster } from '../../shared/state.ts'
import type { StoredProfile } from '../state/stored-state.ts'
import type { Context } from './context.ts'
import { listClusters } from './list-clusters.ts'
import type { StateBox } from './state-box.ts'

export interface ClustersOptions {
  readonly context: Context
  readonly box: StateBox
  /** Lists the resources of the cluster that is now on show. */
  listAgain(): Promise<void>
}

export interface Clusters {
  readonly answers: Pick<Answers, 'cluster.use'>
  /** The cluster of this profile whose resources are on show: its root until somebody chose a leaf. */
  shown(profile: StoredProfile): string
  /** Shows the root at once and the leaves when the proxy told them. Never rejects: without an answer, what was known stays. */
  refresh(profile: StoredProfile, signal: AbortSignal): Promise<void>
}

/** Keeps the `clusters` slice. */
export function openClusters({ context, box, listAgain }: ClustersOptions): Clusters {
  /** Which profile the slice is about. */
  let about: string | undefined
  const shown = ({ cluster, shownCluster }: StoredProfile): string => shownCluster ?? cluster

  const show = (profile: StoredProfile, found: readonly Omit<Cluster, 'current'>[]): void => {
    about = profile.proxy
    const current = shown(profile)
    const clusters = found.map(({ name, root, online }) => ({ name, root, online, current: name === current }))
    // The one on show is in the list, also while it is away.
    if (!clusters.some(cluster => cluster.current)) clusters.push({ name: current, root: false, online: false, current: true })
    if (JSON.stringify(clusters) !== JSON.stringify(box.read().state.clusters)) box.change({ clusters })
  }
  const known = (profile: StoredProfile): readonly Omit<Cluster, 'current'>[] =>
    about === profile.proxy ? box.read().state.clusters : [{ name: profile.cluster, root: true, online: true }]

  const refresh = async (profile: StoredProfile, signal: AbortSignal): Promise<void> => {
    show(profile, known(profile))
    try {
      const found = await listClusters(context, profile, signal)
      // A choice may have been made, or another profile taken, while the proxy thought about it.
      const now = context.profiles.current()
      if (signal.aborted || now?.proxy !== profile.proxy) return
      show(
        now,
        found.map(({ name, root, status }) => ({ name, root, online: status === 'online' })),
      )
    } catch (thrown) {
      if (!signal.aborted) context.log.warn('clusters.failed', { proxy: profile.proxy }, thrown)
    }
  }

  return {
    shown,
    refresh,
    answers: {
      async 'cluster.use'({ cluster }) {
        const profile = context.profiles.current()
        if (profile === undefined) throw new PorticoError('login/required', {})
        const isKnown = (): boolean => known(profile).some(({ name }) => name === cluster)
        // One that joined a moment ago.
        if (!isKnown()) await refresh(profile, AbortSignal.timeout(30_000))
        if (!isKnown()) throw new PorticoError('resource/not-found', { kind: 'cluster', name: cluster, cluster: profile.cluster })
        await context.profiles.update(profile.proxy, { shownCluster: cluster === profile.cluster ? undefined : cluster })
        const now = context.profiles.current()
        if (now?.proxy === profile.proxy) show(now, known(now))
        await listAgain()
        return {}
      },
    },
  }
}
