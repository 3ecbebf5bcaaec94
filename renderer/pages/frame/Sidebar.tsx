import type { ReactNode } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { Icon } from '../../parts/Icon.tsx'
import { StateDot, type Status } from '../../parts/StateDot.tsx'
import { shown, text } from '../../words.ts'
import { isView, type Place, type View } from '../places.ts'
import css from './Sidebar.module.css'

interface SidebarProps {
  readonly children: ReactNode
  readonly place: Place
  readonly counts: Readonly<Record<View, number>>
  readonly engine: { readonly status: Status; readonly words: string }
  readonly onPlace: (place: Place) => void
  readonly onTrouble: (failure: Failure) => void
}

const words = text.side

export function Sidebar({ children, place, counts, engine, onPlace, onTrouble }: SidebarProps) {
  const item = (name: Place): ReactNode => (
    <button type="button" className={css['item']} aria-current={place === name ? 'page' : undefined} onClick={() => onPlace(name)}>
      <Icon name={name} />
      <span className={css['name']}>{words[name]}</span>
      {isView(name) && <span className={css['count']}>{counts[name].toLocaleString('en')}</span>}
    </button>
  )
  return (
    <nav className={css['side']} aria-label={words.label}>
      {children}
      <div className={css['group']}>
        {item('favourites')}
        {item('running')}
      </div>
      <h2 className={css['heading']}>{words.resources}</h2>
      <div className={css['group']}>{item('databases')}</div>
      <Clusters onTrouble={onTrouble} />
      <div className={css['foot']}>
        {item('log')}
        {item('settings')}
        <p className={css['engine']} role="status">
          <StateDot status={engine.status} />
          {engine.words}
        </p>
      </div>
    </nav>
  )
}

/** The root and its leaves, where there are leaves. */
function Clusters({ onTrouble }: { readonly onTrouble: (failure: Failure) => void }) {
  const ask = useAsk()
  const clusters = useSlice('clusters')
  if (clusters.length < 2) return null
  return (
    <>
      <h2 className={css['heading']}>{words.clusters}</h2>
      <div className={css['group']}>
        {clusters.map(one => (
          <button
            key={one.name}
            type="button"
            className={css['item']}
            data-cluster="true"
            aria-current={one.current ? 'true' : undefined}
            disabled={!one.online && !one.current}
            title={shown(one.name)}
            onClick={() => {
              if (!one.current) void ask('cluster.use', { cluster: one.name }, onTrouble)
            }}
          >
            <span className={css['name']}>{shown(one.name)}</span>
            {!one.online && <span className={css['count']}>{words.leafOffline}</span>}
            {one.current && <Icon name="check" size={13} />}
          </button>
        ))}
      </div>
    </>
  )
}
