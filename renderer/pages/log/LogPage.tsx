import { useMemo, useRef, useState, type ReactNode } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import { useAsk } from '../../engine.ts'
import { Button } from '../../parts/Button.tsx'
import { FailureCallout } from '../../parts/Callout.tsx'
import { Empty } from '../../parts/Empty.tsx'
import { PageHead } from '../../parts/PageHead.tsx'
import { SearchField } from '../../parts/SearchField.tsx'
import { Segments } from '../../parts/Segments.tsx'
import { text } from '../../words.ts'
import { LogLines } from './LogLines.tsx'
import css from './LogPage.module.css'
import { matchingLines } from './lines.ts'
import { useLog, type Level } from './use-log.ts'

interface LogPageProps {
  readonly notices: ReactNode
  readonly onBack: (() => void) | undefined
}

const words = text.log

/** What Portico did, secrets removed; experts find the names of the wire here. */
export function LogPage({ notices, onBack }: LogPageProps) {
  const ask = useAsk()
  const [level, setLevel] = useState<Level>('info')
  const [search, setSearch] = useState('')
  const [follow, setFollow] = useState(true)
  const [saving, setSaving] = useState(false)
  const [saved, setSaved] = useState(false)
  const [trouble, setTrouble] = useState<Failure | null>(null)
  const searchRef = useRef<HTMLInputElement>(null)
  const { entries, failure } = useLog(level, follow)
  const shownLines = useMemo(() => matchingLines(entries ?? [], search), [entries, search])

  const onExport = async (): Promise<void> => {
    setTrouble(null)
    setSaving(true)
    const answer = await ask('log.export', {}, setTrouble)
    setSaving(false)
    setSaved(answer?.saved === true)
  }
  return (
    <main className={css['page']}>
      {notices}
      <div className={css['bar']}>
        <PageHead title={words.title} onBack={onBack} />
        <SearchField
          value={search}
          placeholder={words.search}
          label={words.searchLabel}
          inputRef={searchRef}
          onText={setSearch}
          onLeave={() => searchRef.current?.blur()}
        />
        <Segments label={words.level} hideLabel value={level} options={words.levels} onPick={setLevel} />
        <Button aria-pressed={follow} className={css['follow']} onClick={() => setFollow(on => !on)}>
          {words.follow}
        </Button>
        <Button disabled={saving} onClick={() => void onExport()}>
          {saving ? words.exporting : words.export}
        </Button>
      </div>
      {(failure ?? trouble) !== null && (
        <div className={css['trouble']}>
          <FailureCallout failure={(failure ?? trouble)!} />
        </div>
      )}
      {shownLines.length > 0 ? (
        <LogLines lines={shownLines} follow={follow} onLeaveEnd={() => setFollow(false)} />
      ) : (
        <div className={css['empty']}>
          {entries !== undefined && (
            <Empty title={search === '' ? words.nothing : words.noMatch}>{search === '' ? words.nothingNext : words.noMatchNext}</Empty>
          )}
        </div>
      )}
      <p className={css['foot']} role="status">
        {words.lines(shownLines.length, entries?.length ?? 0)} · {saved ? words.exported : words.secrets}
      </p>
    </main>
  )
}
