import { DropdownMenu } from 'radix-ui'
import { Icon } from '../../parts/Icon.tsx'
import menu from '../../parts/menu.module.css'
import { shown, text } from '../../words.ts'
import css from './GroupBy.module.css'

interface GroupByProps {
  /** null = one plain list. */
  readonly value: string | null
  readonly keys: readonly string[]
  readonly onPick: (key: string | null) => void
}

const words = text.list

/** `List | By label`: the second one asks which. */
export function GroupBy({ value, keys, onPick }: GroupByProps) {
  const options = value === null || keys.includes(value) ? keys : [value, ...keys]
  return (
    <div className={css['switch']} role="group" aria-label={words.grouping}>
      <button type="button" className={css['side']} aria-pressed={value === null} onClick={() => onPick(null)}>
        {words.plain}
      </button>
      <DropdownMenu.Root modal={false}>
        <DropdownMenu.Trigger className={css['side']} data-on={value !== null}>
          <span className={css['key']}>{value === null ? words.byLabel : words.byKey(shown(value))}</span>
          <Icon name="down" size={11} />
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content className={menu['content']} align="end" sideOffset={6} collisionPadding={8}>
            <DropdownMenu.Label className={menu['heading']}>{options.length === 0 ? words.noKeys : words.groupBy}</DropdownMenu.Label>
            <DropdownMenu.RadioGroup value={value ?? ''} onValueChange={onPick}>
              {options.map(key => (
                <DropdownMenu.RadioItem key={key} value={key} className={menu['item']}>
                  <span className={menu['mark']}>
                    <DropdownMenu.ItemIndicator>
                      <Icon name="check" size={12} />
                    </DropdownMenu.ItemIndicator>
                  </span>
                  <span className={menu['label']}>{shown(key)}</span>
                </DropdownMenu.RadioItem>
              ))}
            </DropdownMenu.RadioGroup>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
    </div>
  )
}
