import { useId, useState } from 'react'
import css from './CodeField.module.css'

interface CodeFieldProps {
  readonly label: string
  readonly hint: string
  readonly value: string
  readonly autoFocus?: boolean
  readonly onText: (digits: string) => void
}

/** Six boxes that are one field: typing, pasting `123 456` and filling in by a password keeper all work. */
export function CodeField({ label, hint, value, autoFocus = false, onText }: CodeFieldProps) {
  const id = useId()
  const [focused, setFocused] = useState(false)
  return (
    <div className={css['field']}>
      <label htmlFor={id} className={css['label']}>
        {label}
      </label>
      <div className={css['boxes']}>
        {[0, 1, 2, 3, 4, 5].map(at => (
          <span key={at} className={css['box']} data-next={focused && at === Math.min(value.length, 5)} aria-hidden="true">
            {value[at] ?? ''}
          </span>
        ))}
        <input
          id={id}
          className={css['input']}
          value={value}
          required
          autoFocus={autoFocus}
          inputMode="numeric"
          autoComplete="one-time-code"
          pattern="[0-9]{6}"
          aria-describedby={`${id}-hint`}
          onChange={event => onText(event.target.value.replace(/\D/g, '').slice(0, 6))}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
        />
      </div>
      <p id={`${id}-hint`} className={css['hint']}>
        {hint}
      </p>
    </div>
  )
}
