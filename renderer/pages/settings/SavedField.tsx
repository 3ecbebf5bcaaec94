import { useId, useState } from 'react'
import css from './SavedField.module.css'

interface SavedFieldProps {
  readonly label: string
  readonly more: string
  /** null = not set. */
  readonly value: string | null
  readonly placeholder: string
  readonly maxLength: number
  readonly suggestions: readonly string[]
  readonly onSave: (value: string | null) => void
}

/** A text that is saved by Enter or by leaving it; Escape gives the old one back. Empty = not set. */
export function SavedField({ label, more, value, placeholder, maxLength, suggestions, onSave }: SavedFieldProps) {
  const id = useId()
  /** What is being typed; null = the saved value shows, also when the file changes. */
  const [typed, setTyped] = useState<string | null>(null)
  const save = (): void => {
    setTyped(null)
    const next = typed === null || typed.trim() === '' ? null : typed.trim()
    if (typed !== null && next !== value) onSave(next)
  }
  return (
    <div className={css['row']}>
      <div className={css['words']}>
        <label htmlFor={id}>{label}</label>
        <p id={`${id}-more`} className={css['more']}>
          {more}
        </p>
      </div>
      <input
        id={id}
        className={css['input']}
        value={typed ?? value ?? ''}
        placeholder={placeholder}
        maxLength={maxLength}
        spellCheck={false}
        aria-describedby={`${id}-more`}
        {...(suggestions.length > 0 ? { list: `${id}-list` } : {})}
        onChange={event => setTyped(event.target.value)}
        onBlur={save}
        onKeyDown={event => {
          if (event.key === 'Enter') save()
          else if (event.key === 'Escape') setTyped(null)
        }}
      />
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions.map(one => (
            <option key={one} value={one} />
          ))}
        </datalist>
      )}
    </div>
  )
}
