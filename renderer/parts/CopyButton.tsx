import { useEffect, useState } from 'react'
import { text } from '../words.ts'
import { Button } from './Button.tsx'

interface CopyButtonProps {
  /** What is copied, in a word, for those who hear the page. */
  readonly thing: string
  readonly value: string
  readonly onCopy: (value: string) => Promise<boolean>
}

export function CopyButton({ thing, value, onCopy }: CopyButtonProps) {
  const [copied, setCopied] = useState(0)
  useEffect(() => {
    if (copied === 0) return
    const timer = setTimeout(() => setCopied(0), 1200)
    return () => clearTimeout(timer)
  }, [copied])
  const copy = async (): Promise<void> => {
    if (await onCopy(value)) setCopied(n => n + 1)
  }
  return (
    <Button look="small" aria-label={text.copyThing(thing)} onClick={() => void copy()}>
      {copied > 0 ? text.copied : text.copy}
    </Button>
  )
}
