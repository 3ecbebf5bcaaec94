import type { KeyboardEvent, Ref } from 'react'
import { text } from '../words.ts'
import { Icon } from './Icon.tsx'
import { IconButton } from './IconButton.tsx'
import { Kbd } from './Kbd.tsx'
import css from './SearchField.module.css'

interface SearchFieldProps {
  readonly value: string
  readonly placeholder: string
  readonly label: string
  readonly inputRef: Ref<HTMLInputElement>
  readonly onText: (value: string) => void
  /** Down, Enter or a second Escape: on to the list. */
  readonly onLeave: () => void
}

export function SearchField({ value, placeholder, label, inputRef, onText, onLeave }: SearchFieldProps) {
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
        placeholder={placeholder}
        aria-label={label}
        aria-keyshortcuts="/"
        spellCheck={false}
        maxLength={400}
        onChange={event => onText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      {value === '' ? <Kbd>/</Kbd> : <IconButton icon="close" label={text.list.clear} onClick={() => onText('')} />}
    </div>
  )
}
