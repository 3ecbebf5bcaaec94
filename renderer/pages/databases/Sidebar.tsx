import type { ReactNode } from 'react'
import { Icon } from '../../parts/Icon.tsx'
import { StateDot, type Status } from '../../parts/StateDot.tsx'
import { text } from '../../words.ts'
import css from './Sidebar.module.css'

/** Which rows the list holds before the search. */
export type View = 'databases' | 'running'

interface SidebarProps {
  readonly children: ReactNode
  readonly view: View
  readonly counts: Readonly<Record<View, number>>
  readonly engine: { readonly status: Status; readonly words: string }
  readonly onView: (view: View) => void
}

const words = text.side

export function Sidebar({ children, view, counts, engine, onView }: SidebarProps) {
  const item = (name: View): ReactNode => (
    <button type="button" className={css['item']} aria-current={view === name ? 'page' : undefined} onClick={() => onView(name)}>
      <Icon name={name} />
      <span className={css['name']}>{words[name]}</span>
      <span className={css['count']}>{counts[name].toLocaleString('en')}</span>
    </button>
  )
  return (
    <nav className={css['side']} aria-label={words.label}>
      {children}
      <div className={css['group']}>{item('running')}</div>
      <h2 className={css['heading']}>{words.resources}</h2>
      <div className={css['group']}>{item('databases')}</div>
      <p className={css['foot']} role="status">
        <StateDot status={engine.status} />
        {engine.words}
      </p>
    </nav>
  )
}
