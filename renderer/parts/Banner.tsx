import type { ReactNode } from 'react'
import css from './Banner.module.css'

interface BannerProps {
  readonly tone: 'warn' | 'bad' | 'note'
  readonly strong?: string
  readonly children?: ReactNode
  readonly actions?: ReactNode
}

/** A line over the list. It never takes the focus. */
export function Banner({ tone, strong, children, actions }: BannerProps) {
  return (
    <div className={css['banner']} data-tone={tone} role={tone === 'bad' ? 'alert' : 'status'}>
      <p className={css['text']}>
        {strong !== undefined && <strong>{strong} </strong>}
        {children}
      </p>
      {actions !== undefined && <div className={css['actions']}>{actions}</div>}
    </div>
  )
}
