import css from './Ring.module.css'

/** Time left as a ring: `fraction` of 1, empty when nothing is left. */
export function Ring({ letter, fraction, tone }: { readonly letter: string; readonly fraction: number; readonly tone: 'ok' | 'warn' }) {
  const round = 2 * Math.PI * 12
  return (
    <svg className={css['ring']} data-tone={tone} viewBox="0 0 28 28" width="28" height="28" aria-hidden="true">
      <circle cx="14" cy="14" r="12" className={css['track']} />
      {fraction > 0 && (
        <circle
          cx="14"
          cy="14"
          r="12"
          className={css['left']}
          strokeDasharray={`${round * Math.min(1, fraction)} ${round}`}
          transform="rotate(-90 14 14)"
        />
      )}
      <text x="14" y="17.4" textAnchor="middle" className={css['letter']}>
        {letter}
      </text>
    </svg>
  )
}
