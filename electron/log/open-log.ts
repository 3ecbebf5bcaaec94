import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { pino, type Logger } from 'pino'
import { PorticoError, type Facts } from '../../shared/errors.ts'
import type { Log } from './log.ts'
import { describeThrown, redactFacts } from './redact.ts'
import { openRotatingFile, type LineSink, type Rotation } from './rotating-file.ts'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

export interface LogOptions {
  /** Folder for `portico.log`; absent = no file. */
  readonly folder?: string
  /** Also JSON lines on stderr (`--debug`). */
  readonly stderr?: boolean
  /** Default `info`; `debug` with stderr. */
  readonly level?: LogLevel
  readonly rotation?: Rotation
  /** For tests: gets every line besides. */
  readonly sink?: (line: string) => void
}

export interface OpenLog extends Log {
  close(): void
}

/** JSON lines, rotated, without secrets. Opening and writing never throw: a failing disk must not end the program. */
export function openLog(options: LogOptions): OpenLog {
  const file = options.folder === undefined ? undefined : openRotatingFile(join(options.folder, 'portico.log'), options.rotation)
  const sinks: LineSink['write'][] = []
  if (file !== undefined) sinks.push(line => file.write(line))
  if (options.stderr === true) sinks.push(writeStderr)
  if (options.sink !== undefined) sinks.push(options.sink)

  const level = options.level ?? (options.stderr === true ? 'debug' : 'info')
  const logger = pino(
    // pino's own transports run in worker files, which a bundle does not have; redaction by path does not see free text.
    {
      level,
      base: { process: process.pid },
      messageKey: 'event',
      formatters: { level: label => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
    },
    {
      write: (line: string) => {
        for (const write of sinks) write(line)
      },
    },
  )
  return {
    error: (event, facts, thrown) => write(logger, 'error', event, facts, thrown),
    warn: (event, facts, thrown) => write(logger, 'warn', event, facts, thrown),
    info: (event, facts) => write(logger, 'info', event, facts),
    debug: (event, facts, thrown) => write(logger, 'debug', event, facts, thrown),
    close: () => file?.close(),
  }
}

function write(logger: Logger, level: LogLevel, event: string, facts: Facts | undefined, thrown?: unknown): void {
  if (!logger.isLevelEnabled(level)) return
  const line: Record<string, Facts[string]> = facts === undefined ? {} : { ...redactFacts(facts) }
  if (thrown !== undefined) {
    if (thrown instanceof PorticoError) line['failure'] = thrown.code
    line['error'] = describeThrown(thrown)
  }
  logger[level](line, event)
}

/** A closed terminal or pipe is no reason to stop. */
function writeStderr(line: string): void {
  try {
    writeSync(2, line)
  } catch {
    /* nobody reads */
  }
}
