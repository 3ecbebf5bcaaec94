import { readFileSync } from 'node:fs'
import { isMap, isNode, isScalar, LineCounter, parseDocument, type Document } from 'yaml'
import { PorticoError } from '../../../shared/errors.ts'

/** A configuration is written by hand: what is longer is something else. */
const LIMIT = 1_048_576

export type Path = readonly PropertyKey[]

export interface ConfigSource {
  readonly file: string
  readonly document: Document
  readonly lines: LineCounter
  /** As plain values. */
  readonly value: unknown
}

interface Problem {
  readonly line: number
  readonly key: string
  /** `file:line: key: why` */
  readonly text: string
}

/** `db_service.databases[1].uri` */
function formatPath(path: Path): string {
  return path.reduce<string>(
    (text, key) => (typeof key === 'number' ? `${text}[${key}]` : text === '' ? String(key) : `${text}.${String(key)}`),
    '',
  )
}

/** Where the key stands, else the value, else the nearest thing around it that is there. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const parent = document.getIn(path.slice(0, length - 1) as (string | number)[], true)
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === path[length - 1]) : undefined
    if (isScalar(pair?.key) && pair.key.range) return pair.key.range[0]
    const node = document.getIn(path.slice(0, length) as (string | number)[], true)
    if (isNode(node) && node.range) return node.range[0]
  }
  return 0
}

/** What is wrong with a configuration: as much of it at once as can be told. */
export class Problems {
  readonly #source: ConfigSource
  readonly #found: Problem[] = []

  constructor(source: ConfigSource) {
    this.#source = source
  }

  add(path: Path, why: string): void {
    const { file, document, lines } = this.#source
    const { line } = lines.linePos(offsetOf(document, path))
    const key = formatPath(path)
    this.#found.push({ line: Math.max(line, 1), key, text: `${file}:${Math.max(line, 1)}: ${key === '' ? '' : `${key}: `}${why}` })
  }

  /** undefined without a problem. File, line, key and why of the first one; `problems` holds the text of each. */
  error(cause?: unknown): PorticoError | undefined {
    const problems = this.#found.toSorted((a, b) => a.line - b.line)
    const [first] = problems
    if (first === undefined) return undefined
    const more = problems.length === 1 ? '' : ` (and ${problems.length - 1} more)`
    const { line, key, text } = first
    const facts = { file: this.#source.file, line, key, why: text + more, problems: problems.map(problem => problem.text) }
    return new PorticoError('cluster/config', facts, cause)
  }

  /** @throws PorticoError `cluster/config` */
  throwIfAny(): void {
    const error = this.error()
    if (error !== undefined) throw error
  }
}

/** A problem that shows only when a configuration is used, with its place in the file. */
export function configError({ file }: { readonly file: string }, path: Path, why: string, cause?: unknown): PorticoError {
  try {
    const problems = new Problems(readConfigSource(file))
    problems.add(path, why)
    return problems.error(cause)!
  } catch {
    return new PorticoError('cluster/config', { file, key: formatPath(path), why }, cause) // the file is gone meanwhile
  }
}

/** @throws PorticoError `cluster/config` when there is any */
export function refuseConfig({ file }: { readonly file: string }, found: readonly { readonly path: Path; readonly why: string }[]): void {
  if (found.length === 0) return
  const problems = new Problems(readConfigSource(file))
  for (const { path, why } of found) problems.add(path, why)
  problems.throwIfAny()
}

/** @throws PorticoError `cluster/config`: no such file, not readable, not YAML */
export function readConfigSource(file: string): ConfigSource {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code ?? 'cannot be read'
    throw new PorticoError('cluster/config', { file, why: `${file}: ${code === 'ENOENT' ? 'no such file' : code}` }, thrown)
  }
  if (text.length > LIMIT) throw new PorticoError('cluster/config', { file, why: `${file}: too long` })
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const broken = document.errors[0]
  if (broken === undefined) return { file, document, lines, value: valueOf(document, file) }
  const { line } = lines.linePos(broken.pos[0])
  throw new PorticoError('cluster/config', { file, line, why: `${file}:${line}: ${broken.message}` })
}

function valueOf(document: Document, file: string): unknown {
  try {
    return document.toJS() ?? {}
  } catch (thrown) {
    // An alias without its anchor, or aliases that grow without end.
    throw new PorticoError('cluster/config', { file, why: `${file}: ${thrown instanceof Error ? thrown.message : 'no YAML'}` }, thrown)
  }
}
