import type { ComponentProps } from 'react'
import { Icon } from './Icon.tsx'
import css from './IconButton.module.css'

interface IconButtonProps extends ComponentProps<'button'> {
  readonly icon: ComponentProps<typeof Icon>['name']
  readonly label: string
}

export function IconButton({ icon, label, ...rest }: IconButtonProps) {
  return (
    <button {...rest} type="button" className={css['button']} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  )
}
