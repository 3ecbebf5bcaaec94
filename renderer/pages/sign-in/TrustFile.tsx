import { useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { failureWords, shortAddress, shown, text } from '../../words.ts'
import css from './SignInForm.module.css'

interface TrustFileProps {
  readonly proxy: string
  readonly failure: Failure
  /** Why the file that was chosen did not help. */
  readonly problem: Failure | 'no-help' | null
  readonly onChoose: () => Promise<void>
}

const words = text.trust

/** `ab12…` or `AB:12:…` as lines of eight bytes, so that it can be compared by eye. */
function linesOf(fingerprint: string): readonly string[] {
  const bytes = fingerprint.replaceAll(':', '').toUpperCase().match(/../g) ?? []
  return Array.from({ length: Math.ceil(bytes.length / 8) }, (_, n) => bytes.slice(n * 8, n * 8 + 8).join(':'))
}

/** An unknown authority: its fingerprint and a file to trust, never a way around. */
export function TrustFile({ proxy, failure, problem, onChoose }: TrustFileProps) {
  const [choosing, setChoosing] = useState(false)
  const { fingerprint, issuer, why } = failure.facts
  const choose = async (): Promise<void> => {
    setChoosing(true)
    await onChoose()
    setChoosing(false)
  }
  return (
    <div className={css['card']} role="alert">
      <p className={css['strong']}>{words.title(shortAddress(proxy))}</p>
      <p>
        {typeof why === 'string' && why !== '' ? failureWords(failure).why : words.why} {words.next}
      </p>
      {problem === 'no-help' && <p className={css['problem']}>{words.noHelp}</p>}
      {problem !== null && problem !== 'no-help' && <FailureCallout failure={problem} />}
      {typeof issuer === 'string' && issuer !== '' && (
        <p>
          <span className={css['muted']}>{words.issuer}</span> {shown(issuer)}
        </p>
      )}
      {typeof fingerprint === 'string' && fingerprint !== '' && (
        <div>
          <p className={css['muted']}>{words.fingerprint}</p>
          <p className={css['print']}>
            {linesOf(fingerprint).map(line => (
              <span key={line}>{line} </span>
            ))}
          </p>
          <p className={css['muted']}>{words.compare}</p>
        </div>
      )}
      <Button look="primary" wide disabled={choosing} onClick={() => void choose()}>
        {choosing ? words.choosing : words.choose}
      </Button>
    </div>
  )
}
