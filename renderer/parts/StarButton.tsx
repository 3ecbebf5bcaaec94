import { text } from '../words.ts'
import { Icon } from './Icon.tsx'
import css from './StarButton.module.css'

interface StarButtonProps {
  readonly name: string
  readonly on: boolean
  readonly size?: number
  readonly tabIndex?: number
  readonly onToggle: (on: boolean) => void
}

/** Filled when it is a favourite, so that nobody needs its colour. */
export function StarButton({ name, on, size = 13, tabIndex, onToggle }: StarButtonProps) {
  return (
    <button
      type="button"
      className={css['star']}
      aria-pressed={on}
      aria-label={`${text.list.favourite} ${name}`}
      title={on ? text.palette.unfavour : text.palette.favour}
      tabIndex={tabIndex}
      onClick={event => {
        event.stopPropagation()
        onToggle(!on)
      }}
    >
      <Icon name={on ? 'favourite' : 'favourites'} size={size} />
    </button>
  )
}
