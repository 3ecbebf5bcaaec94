import { text } from '../words.ts'
import { IconButton } from './IconButton.tsx'
import css from './PageHead.module.css'

interface PageHeadProps {
  readonly title: string
  readonly lead?: string
  /** Present where no sidebar leads away. */
  readonly onBack: (() => void) | undefined
}

export function PageHead({ title, lead, onBack }: PageHeadProps) {
  return (
    <header className={css['head']}>
      <div className={css['line']}>
        {onBack !== undefined && <IconButton icon="back" label={text.back} onClick={onBack} />}
        <h1 className={css['title']}>{title}</h1>
      </div>
      {lead !== undefined && <p className={css['lead']}>{lead}</p>}
    </header>
  )
}
