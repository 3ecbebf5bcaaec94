import { text } from '../words.ts'
import { StateDot, type Status } from './StateDot.tsx'
import css from './StatePill.module.css'

export function StatePill({ status }: { readonly status: Status }) {
  return (
    <span className={css['pill']} data-status={status}>
      <StateDot status={status} />
      {text.status[status]}
    </span>
  )
}
