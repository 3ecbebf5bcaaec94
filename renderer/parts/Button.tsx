import type { ComponentProps } from 'react'
import css from './Button.module.css'

interface ButtonProps extends ComponentProps<'button'> {
  readonly look?: 'plain' | 'quiet' | 'primary' | 'small'
  readonly wide?: boolean
}

export function Button({ look = 'plain', wide = false, type = 'button', className, ...rest }: ButtonProps) {
  return <button {...rest} type={type} className={`${css['button']} ${className ?? ''}`} data-look={look} data-wide={wide} />
}
