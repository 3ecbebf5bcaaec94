import { DATABASE_PROTOCOLS } from '../../../../shared/protocols.ts'
import { CopyButton } from '../../../parts/CopyButton.tsx'
import { Picker } from '../../../parts/Picker.tsx'
import { text } from '../../../words.ts'
import { chosenFor, type Choice } from '../choice.ts'
import { isListening, portOf, type Entry } from '../entries.ts'
import { Fact, Facts } from './Facts.tsx'
import { ModePicker } from './ModePicker.tsx'

interface ReachProps {
  readonly entry: Entry
  readonly choice: Choice
  readonly onChoice: (choice: Choice) => void
  readonly onCopy: (value: string) => Promise<boolean>
}

const words = text.details

/** What a client needs: host, port, user, database; a password is not among it. */
export function Reach({ entry, choice, onChoice, onCopy }: ReachProps) {
  const { database } = entry
  const { user, name, mode } = chosenFor(entry, choice)
  const copy = (thing: string, value: string | null) =>
    value === null || value === '' ? null : <CopyButton thing={thing} value={value} onCopy={onCopy} />
  const port = portOf(entry)
  return (
    <Facts>
      <Fact name={words.host} copy={copy(words.host, 'localhost')}>
        <code>localhost</code>
      </Fact>
      <Fact name={words.port} copy={copy(words.port, String(port))}>
        <code data-faint={!isListening(entry)}>{port}</code>
      </Fact>
      <Fact name={words.user} copy={copy(words.user, user)}>
        <Picker
          label={words.user}
          value={user}
          allowed={database.databaseUsers}
          onPick={picked => onChoice({ ...choice, databaseUser: picked })}
        />
      </Fact>
      <Fact name={words.database} copy={copy(words.database, name)}>
        <Picker
          label={words.database}
          value={name}
          allowed={database.databaseNames}
          onPick={picked => onChoice({ ...choice, databaseName: picked })}
        />
      </Fact>
      <Fact name={words.password}>
        <ModePicker mode={mode} canPass={isPassable(database.dbProtocol)} onPick={picked => onChoice({ ...choice, mode: picked })} />
      </Fact>
    </Facts>
  )
}

/** Whether a program may bring its own certificate through the tunnel. */
function isPassable(dbProtocol: string): boolean {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) && !DATABASE_PROTOCOLS[dbProtocol]!.tunnelOnly
}
