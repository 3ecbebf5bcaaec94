import type { KeyboardEvent, Ref } from 'react'
import { Icon } from '../../parts/Icon.tsx'
import { IconButton } from '../../parts/IconButton.tsx'
import { text } from '../../words.ts'
import css from './SearchField.module.css'

interface SearchFieldProps {
  readonly value: string
  readonly total: number
  readonly inputRef: Ref<HTMLInputElement>
  readonly onText: (value: string) => void
  /** Down, Enter or a second Escape: on to the list. */
  readonly onLeave: () => void
}

export function SearchField({ value, total, inputRef, onText, onLeave }: SearchFieldProps) {
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && value !== '') onText('')
    else if (event.key === 'ArrowDown' || event.key === 'Enter' || event.key === 'Escape') onLeave()
    else return
    event.preventDefault()
  }
  return (
    <div className={css['field']} role="search">
      <Icon name="search" size={14} />
      <input
        ref={inputRef}
        type="text"
        className={css['input']}
        value={value}
        placeholder={text.list.search(total)}
        aria-label={text.list.searchLabel}
        aria-keyshortcuts="/"
        spellCheck={false}
        maxLength={400}
        onChange={event => onText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {value === '' ? (
        <kbd className={css['key']} aria-hidden="true">
          /
        </kbd>
      ) : (
        <IconButton icon="close" label={text.list.clear} onClick={() => onText('')} />
      )}
    </div>
  )
}
