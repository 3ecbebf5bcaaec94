import css from './StateDot.module.css'

/** What is shown of a tunnel: `waiting` and `trouble` are open tunnels that need somebody. */
export type Status = 'idle' | 'starting' | 'open' | 'waiting' | 'trouble' | 'stopping' | 'failed'

/** The state as a shape, so that nobody needs its colour; its word stands beside it or is read out. */
export function StateDot({ status }: { readonly status: Status }) {
  return (
    <svg className={css['dot']} data-status={status} viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
      {shape(status)}
    </svg>
  )
}

function shape(status: Status) {
  switch (status) {
    case 'idle':
      return <circle cx="5" cy="5" r="3.4" fill="none" stroke="currentColor" strokeWidth="1.2" />
    case 'open':
      return <circle cx="5" cy="5" r="4" fill="currentColor" />
    case 'starting':
    case 'stopping':
      return (
        <>
          <circle cx="5" cy="5" r="4.2" fill="none" stroke="currentColor" strokeWidth="1.1" />
          <path d="M5 2.2a2.8 2.8 0 0 1 0 5.6z" fill="currentColor" />
        </>
      )
    case 'waiting':
      return <path d="M2 1h2.2v8H2zM5.8 1H8v8H5.8z" fill="currentColor" />
    case 'trouble':
      return <path d="M5 .8 9.6 9H.4z" fill="currentColor" />
    case 'failed':
      return <path d="M5 .2 9.8 5 5 9.8.2 5z" fill="currentColor" />
  }
}
