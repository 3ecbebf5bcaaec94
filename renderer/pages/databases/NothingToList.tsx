import type { DatabaseList } from '../../../shared/state.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { Empty } from '../../parts/Empty.tsx'
import { shown, text } from '../../words.ts'
import type { View } from '../places.ts'

interface NothingToListProps {
  readonly list: DatabaseList
  readonly view: View
  readonly search: string
  readonly cluster: string
  readonly onClear: () => void
  readonly onLook: () => void
}

const words = text.list

/** Why the list is empty, and what to do about it. */
export function NothingToList({ list, view, search, cluster, onClear, onLook }: NothingToListProps) {
  if (search !== '')
    return (
      <Empty title={words.nothing} action={<Button onClick={onClear}>{words.clear}</Button>}>
        {words.nothingNext}
      </Empty>
    )
  if (view === 'running')
    return (
      <Empty title={words.noneRunning} action={<Button onClick={onClear}>{words.showAll}</Button>}>
        {words.noneRunningNext}
      </Empty>
    )
  if (view === 'favourites')
    return (
      <Empty title={words.noFavourites} action={<Button onClick={onClear}>{words.showAll}</Button>}>
        {words.noFavouritesNext}
      </Empty>
    )
  switch (list.state) {
    case 'idle':
    case 'loading':
      return <Empty title={words.loading} />
    case 'ready':
      return (
        <Empty title={words.empty} action={<Button onClick={onLook}>{words.look}</Button>}>
          {words.emptyNext(shown(cluster))}
        </Empty>
      )
    case 'failed':
      return (
        <Empty title={words.failed} action={<Button onClick={onLook}>{text.tryAgain}</Button>}>
          {list.failure === null ? undefined : <FailureCallout failure={list.failure} />}
        </Empty>
      )
  }
}
