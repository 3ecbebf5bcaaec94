import { Command } from 'cmdk'
import { isMac } from '../../keys.ts'
import { Icon } from '../../parts/Icon.tsx'
import { Tile } from '../../parts/Tile.tsx'
import { text } from '../../words.ts'
import type { Command as PaletteCommand } from './commands.ts'
import css from './Palette.module.css'

interface PaletteLineProps {
  readonly command: PaletteCommand
  readonly active: boolean
  readonly onSelect: () => void
}

export function PaletteLine({ command, active, onSelect }: PaletteLineProps) {
  const { tile, name, action, deed } = command
  return (
    <Command.Item value={command.key} className={css['line']} onSelect={onSelect}>
      <Tile>{'letters' in tile ? tile.letters : <Icon name={tile.icon} size={14} />}</Tile>
      <span className={css['name']}>{name}</span>
      <span className={css['action']}>{action}</span>
      {deed.do === 'copy' && <span className={css['key']}>{text.palette.copyKey(isMac)}</span>}
      {active && deed.do !== 'copy' && (
        <span className={css['key']}>
          <Icon name="enter" size={13} />
        </span>
      )}
    </Command.Item>
  )
}
