import type { ReactNode } from 'react'
import css from './Empty.module.css'

/** A place with nothing in it, and what to do about it. */
export function Empty({ title, children, action }: { readonly title: string; readonly children?: ReactNode; readonly action?: ReactNode }) {
  return (
    <div className={css['empty']} role="status">
      <p className={css['title']}>{title}</p>
      {children !== undefined && <div className={css['next']}>{children}</div>}
      {action}
    </div>
  )
}
