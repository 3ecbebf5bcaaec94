import { useId } from 'react'
import css from './Segments.module.css'

interface SegmentsProps<T extends string> {
  readonly label: string
  readonly hideLabel?: boolean
  readonly value: T
  readonly options: Readonly<Record<T, string>>
  readonly onPick: (value: T) => void
}

/** One of a few, side by side. */
export function Segments<T extends string>({ label, hideLabel = false, value, options, onPick }: SegmentsProps<T>) {
  const id = useId()
  const buttons = (
    <div className={css['switch']} role="group" aria-labelledby={id}>
      {(Object.keys(options) as T[]).map(option => (
        <button key={option} type="button" className={css['side']} aria-pressed={option === value} onClick={() => onPick(option)}>
          {options[option]}
        </button>
      ))}
    </div>
  )
  return (
    <div className={css['row']} data-bare={hideLabel}>
      <span id={id} className={hideLabel ? 'heard' : css['label']}>
        {label}
      </span>
      {buttons}
    </div>
  )
}
