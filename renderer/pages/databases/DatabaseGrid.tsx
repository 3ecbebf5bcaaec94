import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useRef, type KeyboardEvent, type Ref, type RefObject } from 'react'
import type { DatabaseId } from '../../../shared/ids.ts'
import { text } from '../../words.ts'
import { DatabaseRow, type RowEvents } from './DatabaseRow.tsx'
import type { Entry } from './entries.ts'
import { heightOf, step, typeAhead, type Line } from './sections.ts'
import css from './DatabaseGrid.module.css'

interface DatabaseGridProps extends RowEvents {
  readonly lines: readonly Line[]
  readonly active: DatabaseId | undefined
  readonly unreachable: string | undefined
  readonly gridRef: RefObject<HTMLDivElement | null>
  readonly onActivate: (id: DatabaseId) => void
  readonly onDetails: (entry: Entry) => void
  readonly onCopy: (entry: Entry) => void
  readonly onEscape: () => void
}

const PAGE = 10
const TYPING_MS = 700
const domId = (index: number): string => `row-${index}`

/** A grid whose focus stays on the whole: the active row is named by aria-activedescendant, so 10 000 rows cost 30 elements. */
export function DatabaseGrid({
  lines,
  active,
  unreachable,
  gridRef,
  onActivate,
  onChoose,
  onAct,
  onOpen,
  onFavour,
  onDetails,
  onCopy,
  onEscape,
}: DatabaseGridProps) {
  const typed = useRef({ text: '', at: 0 })
  const activeIndex = lines.findIndex(line => line.kind === 'entry' && line.entry.database.id === active)
  // Its change makes the virtualizer lay the lines out anew; nothing else may, for that takes milliseconds at 10 000.
  const getItemKey = useCallback((index: number) => lines[index]!.key, [lines])
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => gridRef.current,
    estimateSize: index => heightOf(lines[index]!),
    getItemKey,
    overscan: 8,
    useFlushSync: false,
    paddingStart: 5,
    paddingEnd: 12,
    scrollPaddingStart: 37,
    scrollPaddingEnd: 12,
    // aria-activedescendant needs its row in the document, wherever the list is scrolled to.
    rangeExtractor: ({ startIndex, endIndex, overscan, count }) => {
      const [from, to] = [Math.max(0, startIndex - overscan), Math.min(count - 1, endIndex + overscan)]
      const range = Array.from({ length: to - from + 1 }, (_, n) => from + n)
      return activeIndex >= 0 && (activeIndex < from || activeIndex > to) ? [...range, activeIndex].sort((a, b) => a - b) : range
    },
  })

  const go = (index: number): void => {
    const line = lines[index]
    if (line?.kind !== 'entry') return
    onActivate(line.entry.database.id)
    virtualizer.scrollToIndex(index)
  }
  const choose = useCallback(
    (entry: Entry) => {
      gridRef.current?.focus({ preventScroll: true })
      onChoose(entry)
    },
    [gridRef, onChoose],
  )

  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const line = lines[activeIndex]
    const entry = line?.kind === 'entry' ? line.entry : undefined
    // A key pressed on a row's own button belongs to that button, except for moving on.
    const onButton = event.target !== event.currentTarget
    const typing = event.timeStamp - typed.current.at < TYPING_MS && typed.current.text !== ''
    switch (event.key) {
      case 'ArrowDown':
        go(step(lines, activeIndex, 1))
        break
      case 'ArrowUp':
        go(step(lines, activeIndex, -1))
        break
      case 'PageDown':
        go(step(lines, activeIndex, PAGE))
        break
      case 'PageUp':
        go(step(lines, activeIndex, -PAGE))
        break
      case 'Home':
        go(step(lines, -1, 1))
        break
      case 'End':
        go(step(lines, lines.length, -1))
        break
      case 'Escape':
        onEscape()
        break
      case 'Enter':
        if (onButton || event.repeat) return
        if (entry !== undefined) onAct(entry)
        break
      case ' ':
        if (onButton) return
        if (entry !== undefined) onDetails(entry)
        break
      default:
        if (onButton || event.key.length !== 1 || event.key === '/') return
        if (event.key === 'c' && !typing) {
          if (entry !== undefined) onCopy(entry)
          break
        }
        typed.current = { text: (typing ? typed.current.text : '') + event.key, at: event.timeStamp }
        go(typeAhead(lines, typed.current.text.length === 1 ? activeIndex + 1 : activeIndex, typed.current.text))
    }
    event.preventDefault()
  }

  return (
    <div
      ref={gridRef as Ref<HTMLDivElement>}
      role="grid"
      aria-label={text.list.title}
      aria-rowcount={lines.length}
      tabIndex={0}
      className={css['grid']}
      onKeyDown={onKeyDown}
      {...(activeIndex < 0 ? {} : { 'aria-activedescendant': domId(activeIndex) })}
    >
      <div role="rowgroup" className={css['rows']} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(item => {
          const line = lines[item.index]!
          if (line.kind === 'heading') {
            return (
              <div
                key={line.key}
                role="row"
                aria-rowindex={item.index + 1}
                className={css['heading']}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <div role="gridcell" aria-colspan={5}>
                  <b>{line.title}</b> <span>{line.count.toLocaleString('en')}</span>
                </div>
              </div>
            )
          }
          return (
            <DatabaseRow
              key={line.key}
              id={domId(item.index)}
              entry={line.entry}
              rowIndex={item.index + 1}
              active={item.index === activeIndex}
              unreachable={unreachable}
              top={item.start}
              onChoose={choose}
              onAct={onAct}
              onOpen={onOpen}
              onFavour={onFavour}
            />
          )
        })}
      </div>
    </div>
  )
}
