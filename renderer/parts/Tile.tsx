import type { ReactNode } from 'react'
import css from './Tile.module.css'

/** The little square before a name; what it says stands in words beside it. */
export function Tile({ children }: { readonly children: ReactNode }) {
  return (
    <span className={css['tile']} aria-hidden="true">
      {children}
    </span>
  )
}
