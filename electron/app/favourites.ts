import type { Answers } from '../../shared/contract.ts'
import type { Context } from './context.ts'
import type { StateBox } from './state-box.ts'

export interface Favourites {
  readonly answers: Pick<Answers, 'favourite.set'>
  /** Shows what is stored, if that is news: another process may have changed it. */
  tell(): void
}

export function openFavourites({ profiles }: Pick<Context, 'profiles'>, box: StateBox): Favourites {
  const tell = (): void => {
    const stored = profiles.favourites()
    const { favourites } = box.read().state
    if (stored.length !== favourites.length || stored.some((id, at) => id !== favourites[at])) box.change({ favourites: [...stored] })
  }
  tell()
  return {
    answers: {
      async 'favourite.set'({ resource, on }) {
        await profiles.setFavourite(resource, on)
        tell()
        return {}
      },
    },
    tell,
  }
}
