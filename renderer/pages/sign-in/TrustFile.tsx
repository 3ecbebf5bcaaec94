import { useState } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import { Button } from '../../parts/Button.tsx'
import { shown, text } from '../../words.ts'
import css from './SignInForm.module.css'

interface TrustFileProps {
  readonly proxy: string
  readonly failure: Failure
  readonly onChoose: () => Promise<void>
}

const words = text.trust

/** `ab12…` as `AB:12:…`, so that it can be compared by eye. */
function grouped(fingerprint: string): string {
  return /^[0-9a-f]+$/i.test(fingerprint) ? (fingerprint.toUpperCase().match(/../g) ?? []).join(':') : fingerprint
}

/** An unknown authority: its fingerprint and a file to trust, never a way around. */
export function TrustFile({ proxy, failure, onChoose }: TrustFileProps) {
  const [choosing, setChoosing] = useState(false)
  const { fingerprint, issuer, why } = failure.facts
  const choose = async (): Promise<void> => {
    setChoosing(true)
    await onChoose()
    setChoosing(false)
  }
  return (
    <div className={css['card']} role="alert">
      <p className={css['strong']}>{words.title(proxy)}</p>
      <p>{words.why}</p>
      {typeof why === 'string' && why !== '' && <p className={css['muted']}>{shown(why)}</p>}
      {typeof issuer === 'string' && issuer !== '' && <p><span className={css['muted']}>{words.issuer}</span> {shown(issuer)}</p>}
      {typeof fingerprint === 'string' && fingerprint !== '' && (
        <div>
          <p className={css['muted']}>{words.fingerprint}</p>
          <p className={css['print']}>{grouped(fingerprint)}</p>
          <p className={css['muted']}>{words.compare}</p>
        </div>
      )}
      <Button look="primary" wide disabled={choosing} onClick={() => void choose()}>{choosing ? words.choosing : words.choose}</Button>
    </div>
  )
}
