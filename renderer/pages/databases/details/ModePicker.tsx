import { DropdownMenu } from 'radix-ui'
import type { TunnelMode } from '../../../../shared/state.ts'
import { Icon } from '../../../parts/Icon.tsx'
import menu from '../../../parts/menu.module.css'
import picker from '../../../parts/Picker.module.css'
import { text } from '../../../words.ts'

interface ModePickerProps {
  readonly mode: TunnelMode
  readonly canPass: boolean
  readonly onPick: (mode: TunnelMode) => void
}

const words = text.details
const MODES = [
  { mode: 'authenticated', name: words.passwordNone, more: words.passwordNoneMore },
  { mode: 'passthrough', name: words.passwordOwn, more: words.passwordOwnMore },
] as const satisfies readonly { mode: TunnelMode; name: string; more: string }[]

/** Who proves who you are: Portico, or the program with a certificate of its own. */
export function ModePicker({ mode, canPass, onPick }: ModePickerProps) {
  const name = mode === 'authenticated' ? words.passwordNone : words.passwordOwn
  if (!canPass) return <span className={picker['words']}>{name}</span>
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={picker['trigger']} data-words="true" aria-label={`${words.mode}: ${name}`}>
        <span className={picker['words']}>{name}</span>
        <Icon name="down" size={12} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={menu['content']} align="start" sideOffset={4} collisionPadding={8} aria-label={words.mode}>
          <DropdownMenu.RadioGroup
            value={mode}
            onValueChange={picked => onPick(picked === 'passthrough' ? 'passthrough' : 'authenticated')}
          >
            {MODES.map(one => (
              <DropdownMenu.RadioItem key={one.mode} value={one.mode} className={menu['item']}>
                <span className={menu['mark']}>
                  <DropdownMenu.ItemIndicator>
                    <Icon name="check" size={12} />
                  </DropdownMenu.ItemIndicator>
                </span>
                <span className={menu['label']}>
                  {one.name}
                  <span className={menu['sub']}>{one.more}</span>
                </span>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}
