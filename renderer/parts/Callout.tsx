import type { ReactNode } from 'react'
import type { Failure } from '../../shared/errors.ts'
import { failureWords } from '../words.ts'
import css from './Callout.module.css'

/** A failure in three sentences: what happened, why, what to do. */
export function FailureCallout({ failure, children }: { readonly failure: Failure; readonly children?: ReactNode }) {
  const { what, why, next } = failureWords(failure)
  return (
    <div className={css['callout']} role="alert">
      <p className={css['what']}>{what}</p>{' '}
      <p>
        {why} {next}
      </p>
      {children}
    </div>
  )
}
