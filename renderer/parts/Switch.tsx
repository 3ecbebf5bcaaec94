import { Switch as Radix } from 'radix-ui'
import { useId } from 'react'
import css from './Switch.module.css'

interface SwitchProps {
  readonly label: string
  readonly more?: string | undefined
  readonly on: boolean
  readonly disabled?: boolean
  readonly onToggle: (on: boolean) => void
}

/** A line with a switch: its place says the state, not only its colour. */
export function Switch({ label, more, on, disabled = false, onToggle }: SwitchProps) {
  const id = useId()
  return (
    <div className={css['row']} data-disabled={disabled}>
      <div className={css['words']}>
        <label htmlFor={id}>{label}</label>
        {more !== undefined && (
          <p id={`${id}-more`} className={css['more']}>
            {more}
          </p>
        )}
      </div>
      <Radix.Root
        id={id}
        className={css['switch']}
        checked={on}
        disabled={disabled}
        onCheckedChange={onToggle}
        {...(more === undefined ? {} : { 'aria-describedby': `${id}-more` })}
      >
        <Radix.Thumb className={css['thumb']} />
      </Radix.Root>
    </div>
  )
}
