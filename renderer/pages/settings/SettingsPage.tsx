import { useMemo, useState, type ReactNode } from 'react'
import type { Failure } from '../../../shared/errors.ts'
import type { Settings } from '../../../shared/state.ts'
import { useAsk, useSlice } from '../../engine.ts'
import { FailureCallout } from '../../parts/Callout.tsx'
import { PageHead } from '../../parts/PageHead.tsx'
import { Segments } from '../../parts/Segments.tsx'
import { Switch } from '../../parts/Switch.tsx'
import { shown, text } from '../../words.ts'
import { labelKeys } from '../databases/sections.ts'
import { SavedField } from './SavedField.tsx'
import css from './SettingsPage.module.css'

interface SettingsPageProps {
  readonly notices: ReactNode
  readonly onBack: (() => void) | undefined
}

const words = text.settings

/** What settings.yaml holds. A change is sent at once and shown when the engine has it. */
export function SettingsPage({ notices, onBack }: SettingsPageProps) {
  const ask = useAsk()
  const [settings, engine] = [useSlice('settings'), useSlice('engine')]
  const [failure, setFailure] = useState<Failure | null>(null)
  const write = (change: Partial<Settings>): void => {
    setFailure(null)
    void ask('settings.write', change, setFailure)
  }
  const toggle = (name: 'startAtLogin' | 'startHidden' | 'restoreTunnels' | 'notifications', label: string, more?: string) => (
    <Switch
      label={label}
      more={more}
      on={settings[name]}
      disabled={name === 'startHidden' && !settings.startAtLogin}
      onToggle={on => write({ [name]: on })}
    />
  )
  return (
    <main className={css['page']}>
      {notices}
      <div className={css['scroll']}>
        <div className={css['column']}>
          <PageHead title={words.title} lead={words.where(settingsFile(engine.home))} onBack={onBack} />
          {failure !== null && <FailureCallout failure={failure} />}
          <Group title={words.looks}>
            <Segments label={words.theme} value={settings.theme} options={words.themes} onPick={theme => write({ theme })} />
            <GroupByField value={settings.groupBy} onSave={groupBy => write({ groupBy })} />
          </Group>
          <Group title={words.start}>
            {toggle('startAtLogin', words.startAtLogin)}
            {toggle('startHidden', words.startHidden, words.startHiddenMore)}
            {toggle('restoreTunnels', words.restoreTunnels, words.restoreMore)}
          </Group>
          <Group title={words.running}>
            {toggle('notifications', words.notifications, words.notificationsMore)}
            <SavedField
              label={words.terminal}
              more={words.terminalMore}
              value={settings.terminal}
              placeholder={words.terminalPlaceholder}
              maxLength={1024}
              suggestions={[]}
              onSave={terminal => write({ terminal })}
            />
          </Group>
          <Group title={words.engine}>
            <div className={css['fact']}>
              <p>{words.engineIn[engine.host]}</p>
              <p className={css['more']}>{words.engineMore(engine.pid, engine.since, engine.version)}</p>
            </div>
          </Group>
        </div>
      </div>
    </main>
  )
}

function GroupByField({ value, onSave }: { readonly value: string | null; readonly onSave: (key: string | null) => void }) {
  const { items } = useSlice('databases')
  const keys = useMemo(() => labelKeys(items), [items])
  return (
    <SavedField
      label={words.groupBy}
      more={words.groupByMore}
      value={value}
      placeholder={words.noGroup}
      maxLength={256}
      suggestions={keys.map(shown)}
      onSave={onSave}
    />
  )
}

/** The file as its owner finds it, in the writing of the system. */
function settingsFile(home: string | undefined): string {
  if (home === undefined) return words.file
  return `${home}${home.includes('\\') ? '\\' : '/'}${words.file}`
}

function Group({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <section className={css['group']} aria-label={title}>
      <h2 className={css['heading']}>{title}</h2>
      <div className={css['card']}>{children}</div>
    </section>
  )
}
