import { DropdownMenu } from 'radix-ui'
import { useState } from 'react'
import { shown, text } from '../words.ts'
import { Icon } from './Icon.tsx'
import menu from './menu.module.css'
import css from './Picker.module.css'

interface PickerProps {
  readonly label: string
  /** null = nothing chosen yet. */
  readonly value: string | null
  /** What the roles allow; `*` lets any text in. */
  readonly allowed: readonly string[]
  readonly onPick: (value: string) => void
}

/** A value chosen from a list, or typed where the roles allow any. */
export function Picker({ label, value, allowed, onPick }: PickerProps) {
  const [typing, setTyping] = useState(false)
  const named = value === null ? text.details.choose : shown(value)
  const free = allowed.includes('*')
  const listed = allowed.filter(one => one !== '*')
  const options = value === null || listed.includes(value) ? listed : [value, ...listed]

  if (typing) {
    const done = (typed: string): void => {
      setTyping(false)
      if (typed.trim() !== '') onPick(typed.trim())
    }
    return (
      <input
        className={css['input']}
        aria-label={label}
        defaultValue={value ?? ''}
        autoFocus
        maxLength={256}
        spellCheck={false}
        onFocus={event => event.target.select()}
        onBlur={event => done(event.target.value)}
        onKeyDown={event => {
          event.stopPropagation()
          if (event.key === 'Enter') done(event.currentTarget.value)
          else if (event.key === 'Escape') setTyping(false)
        }}
      />
    )
  }
  if (!free && options.length < 2 && value !== null) return <span className={css['fixed']}>{named}</span>
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={css['trigger']} aria-label={`${label}: ${named}`} data-unset={value === null}>
        <span className={css['value']}>{named}</span>
        <Icon name="down" size={12} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={menu['content']} align="start" sideOffset={4} collisionPadding={8} aria-label={label}>
          <DropdownMenu.RadioGroup value={value ?? ''} onValueChange={onPick}>
            {options.map(option => (
              <DropdownMenu.RadioItem key={option} value={option} className={menu['item']} data-mono="true">
                <span className={menu['mark']}>
                  <DropdownMenu.ItemIndicator>
                    <Icon name="check" size={12} />
                  </DropdownMenu.ItemIndicator>
                </span>
                <span className={menu['label']}>{shown(option)}</span>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
          {free && options.length > 0 && <DropdownMenu.Separator className={menu['separator']} />}
          {free && (
            <DropdownMenu.Item className={menu['item']} onSelect={() => setTyping(true)}>
              <span className={menu['mark']} />
              {text.details.other}
            </DropdownMenu.Item>
          )}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
