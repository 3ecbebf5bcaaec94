import { DropdownMenu } from 'radix-ui'
import type { Tool } from '../../../../shared/state.ts'
import menu from '../../../parts/menu.module.css'
import { protocolTitle } from '../../../protocol-words.ts'
import { text } from '../../../words.ts'
import css from './OpenIn.module.css'

interface OpenInProps {
  readonly tools: readonly Tool[]
  readonly dbProtocol: string
  /** What a program takes in one piece; null while nothing listens. */
  readonly url: string | null
  readonly onOpen: (tool: string) => void
  readonly onCopy: (value: string) => Promise<boolean>
}

const words = text.tools
const TILES = 4

/** Programs that are here, last used first; the rest and those that are not here under More…. */
export function OpenIn({ tools, dbProtocol, url, onOpen, onCopy }: OpenInProps) {
  const found = tools.filter(tool => tool.found)
  const tiles = found.slice(0, url === null ? TILES : TILES - 1)
  const rest = tools.filter(tool => !tiles.includes(tool))
  return (
    <section aria-labelledby="open-in">
      <header className={css['head']}>
        <h3 id="open-in" className={css['heading']}>
          {words.title}
        </h3>
        {rest.length > 0 && <More tools={rest} onOpen={onOpen} />}
      </header>
      {found.length === 0 && <p className={css['none']}>{words.none(protocolTitle(dbProtocol))}</p>}
      <div className={css['tiles']}>
        {tiles.map(tool => (
          <button key={tool.id} type="button" className={css['tile']} onClick={() => onOpen(tool.id)}>
            <span className="heard">{words.openIn} </span>
            {isCommand(tool.title) ? (
              <>
                <b>{tool.title}</b> <span>{words.terminal}</span>
              </>
            ) : (
              <>
                <b data-short={shortOf(tool.title)} />
                <span>{tool.title}</span>
              </>
            )}
          </button>
        ))}
        {url !== null && (
          <button type="button" className={css['tile']} onClick={() => void onCopy(url)}>
            <b>{words.link}</b>
            <span>{words.copyLink}</span>
          </button>
        )}
      </div>
    </section>
  )
}

function More({ tools, onOpen }: { readonly tools: readonly Tool[]; readonly onOpen: (tool: string) => void }) {
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger className={css['more']}>{words.more}</DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content className={menu['content']} align="end" sideOffset={4} collisionPadding={8}>
          {tools.map(tool => (
            <DropdownMenu.Item key={tool.id} className={menu['item']} disabled={!tool.found} onSelect={() => onOpen(tool.id)}>
              <span className={menu['label']}>
                {tool.title}
                {!tool.found && <span className={menu['sub']}>{words.missing}</span>}
              </span>
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  )
}

/** Commands are written small: `psql`, `redis-cli`. They open in a terminal. */
const isCommand = (title: string): boolean => /^[a-z0-9-]+$/.test(title)

/** `DBeaver` as DB, `TablePlus` as TP, `MySQL Workbench` as MW. */
function shortOf(title: string): string {
  const letters = title.includes(' ') ? title.split(' ').map(word => word[0] ?? '') : (title.match(/\p{Lu}/gu) ?? [])
  return (letters.length > 1 ? letters.slice(0, 2).join('') : title.slice(0, 2)).toUpperCase()
}
