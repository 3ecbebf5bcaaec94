import type { ReactNode } from 'react'
import css from './Facts.module.css'

/** Names and values, each with its Copy. `long`: the value goes below its name, whole. */
export function Facts({ long = false, children }: { readonly long?: boolean; readonly children: ReactNode }) {
  return (
    <dl className={css['card']} data-long={long}>
      {children}
    </dl>
  )
}

export function Fact({ name, children, copy }: { readonly name: string; readonly children: ReactNode; readonly copy?: ReactNode }) {
  return (
    <div className={css['row']}>
      <dt>{name}</dt>
      <dd className={css['value']}>{children}</dd>
      <dd className={css['copy']}>{copy}</dd>
    </div>
  )
}
