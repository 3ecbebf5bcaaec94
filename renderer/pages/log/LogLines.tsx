import { useVirtualizer } from '@tanstack/react-virtual'
import { useCallback, useEffect, useRef } from 'react'
import { text } from '../../words.ts'
import type { LogLine } from './lines.ts'
import css from './LogLines.module.css'

interface LogLinesProps {
  readonly lines: readonly LogLine[]
  /** Stays at the newest line. */
  readonly follow: boolean
  /** Somebody scrolled up. */
  readonly onLeaveEnd: () => void
}

const NEAR_PX = 24

export function LogLines({ lines, follow, onLeaveEnd }: LogLinesProps) {
  const scrollRef = useRef<HTMLDivElement>(null)
  const getItemKey = useCallback((index: number) => lines[index]!.key, [lines])
  const virtualizer = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scrollRef.current,
    estimateSize: () => 22,
    getItemKey,
    overscan: 12,
    useFlushSync: false,
    paddingStart: 6,
    paddingEnd: 6,
  })
  useEffect(() => {
    if (follow && lines.length > 0) virtualizer.scrollToIndex(lines.length - 1, { align: 'end' })
  }, [follow, lines, virtualizer])

  const leave = (): void => {
    const element = scrollRef.current
    if (follow && element !== null && element.scrollHeight - element.scrollTop - element.clientHeight > NEAR_PX) onLeaveEnd()
  }
  return (
    <div
      ref={scrollRef}
      className={css['scroll']}
      role="log"
      aria-label={text.log.title}
      aria-live="off"
      tabIndex={0}
      onWheel={event => event.deltaY < 0 && setTimeout(leave, 60)}
      onKeyUp={leave}
    >
      <div className={css['all']} style={{ height: virtualizer.getTotalSize() }}>
        {virtualizer.getVirtualItems().map(item => {
          const line = lines[item.index]!
          return (
            <p
              key={line.key}
              ref={virtualizer.measureElement}
              data-index={item.index}
              data-level={line.level}
              className={css['line']}
              style={{ transform: `translateY(${item.start}px)` }}
            >
              <span className={css['at']}>{line.at}</span> <span className={css['level']}>{line.level}</span>{' '}
              <span className={css['what']}>
                <b>{line.event}</b>
                {line.facts.map(([name, value]) => (
                  <span key={name}>
                    {' '}
                    <i>{name}=</i>
                    {value}
                  </span>
                ))}
              </span>
            </p>
          )
        })}
      </div>
    </div>
  )
}
