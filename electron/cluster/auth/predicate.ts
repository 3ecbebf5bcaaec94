import { GRPC } from '../../wire/grpc-status.ts'
import { RpcRefusal } from './rpc-refusal.ts'

/** What a predicate may look at. */
export interface PredicateSubject {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly description: string
  readonly kind: string
  readonly protocol: string
  readonly uri: string
  /** search("…"): every word must be found. */
  readonly search: (words: readonly string[]) => boolean
}

export type Predicate = (subject: PredicateSubject) => boolean

type Value = string | boolean | Readonly<Record<string, string>> | undefined
type Evaluate = (subject: PredicateSubject) => Value
interface Token {
  readonly kind: 'word' | 'text' | 'sign' | 'EOF'
  readonly text: string
  readonly at: number
}

const MAX_LENGTH = 4_096
const MAX_DEPTH = 64

const TOKEN = /\s*(?:([A-Za-z_][\w]*)|("(?:[^"\\]|\\.)*"|`[^`]*`)|(&&|\|\||==|!=|[!().,[\]]))/y

/** Teleport's texts; positions are Go's line:column. */
const refuse = (token: Token, wanted: string): RpcRefusal =>
  new RpcRefusal(GRPC.invalidArgument, `failed to parse predicate expression: 1:${token.at + 1}: expected ${wanted}, found '${token.text}'`)

function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = []
  TOKEN.lastIndex = 0
  for (;;) {
    const start = TOKEN.lastIndex
    const found = TOKEN.exec(text)
    if (found === null) {
      const rest = text.slice(start).trimStart()
      tokens.push({ kind: 'EOF', text: rest === '' ? 'EOF' : rest[0]!, at: text.length - rest.length })
      if (rest !== '') throw refuse(tokens.at(-1)!, 'operand')
      return tokens
    }
    const [, word, quoted, sign] = found
    const raw = word ?? quoted ?? sign!
    const at = TOKEN.lastIndex - raw.length
    if (word !== undefined) tokens.push({ kind: 'word', text: word, at })
    else if (quoted !== undefined) tokens.push({ kind: 'text', text: unquote(quoted), at })
    else tokens.push({ kind: 'sign', text: raw, at })
  }
}

const unquote = (quoted: string): string => (quoted.startsWith('`') ? quoted.slice(1, -1) : quoted.slice(1, -1).replace(/\\(.)/g, '$1'))

/** Fields by their dotted path; both the short names and those of the resource's JSON. */
const FIELDS: Readonly<Record<string, Evaluate>> = {
  name: subject => subject.name,
  labels: subject => subject.labels,
  true: () => true,
  false: () => false,
  'resource.kind': subject => subject.kind,
  'resource.metadata.name': subject => subject.name,
  'resource.metadata.description': subject => subject.description,
  'resource.metadata.labels': subject => subject.labels,
  'resource.spec.protocol': subject => subject.protocol,
  'resource.spec.uri': subject => subject.uri,
}

type Call = (subject: PredicateSubject, values: readonly Value[]) => Value

const isText = (value: Value): value is string => typeof value === 'string'

const FUNCTIONS: Readonly<Record<string, Call>> = {
  equals: (_, [a, b]) => a === b,
  search: (subject, words) => subject.search(words.filter(isText)),
  hasPrefix: (_, [text, prefix]) => isText(text) && isText(prefix) && text.startsWith(prefix),
  exists: (_, [value]) => value !== undefined,
}

/**
 * The common part of Teleport's predicate language: `labels["env"] == "dev" && !(name == "x")`, `search("a", "b")`, `equals(…)`,
 * `hasPrefix(…)`, `exists(…)`, `resource.metadata.labels["x"]`. Teleport: lib/services/parser.go
 * @throws RpcRefusal 3 with the place of the fault
 */
export function parsePredicate(text: string): Predicate {
  if (text.length > MAX_LENGTH) throw new RpcRefusal(GRPC.invalidArgument, 'failed to parse predicate expression: it is too long')
  const tokens = tokensOf(text)
  let at = 0
  let depth = 0
  const peek = (): Token => tokens[at]!
  const take = (sign: string): boolean => {
    if (peek().kind !== 'sign' || peek().text !== sign) return false
    at++
    return true
  }
  const need = (sign: string): void => {
    if (!take(sign)) throw refuse(peek(), `'${sign}'`)
  }

  function either(): Evaluate {
    if (++depth > MAX_DEPTH) throw new RpcRefusal(GRPC.invalidArgument, 'failed to parse predicate expression: it is too deep')
    const parts = [both()]
    while (take('||')) parts.push(both())
    depth--
    return parts.length === 1 ? parts[0]! : subject => parts.some(part => part(subject) === true)
  }
  function both(): Evaluate {
    const parts = [comparison()]
    while (take('&&')) parts.push(comparison())
    return parts.length === 1 ? parts[0]! : subject => parts.every(part => part(subject) === true)
  }
  function comparison(): Evaluate {
    const left = unary()
    if (take('==')) {
      const right = unary()
      return subject => left(subject) === right(subject)
    }
    if (take('!=')) {
      const right = unary()
      return subject => left(subject) !== right(subject)
    }
    return left
  }
  function unary(): Evaluate {
    let not = false
    while (take('!')) not = !not
    const inner = operand()
    return not ? subject => inner(subject) !== true : inner
  }
  function operand(): Evaluate {
    if (take('(')) {
      const inner = either()
      need(')')
      return inner
    }
    const token = peek()
    at++
    if (token.kind === 'text') return () => token.text
    if (token.kind !== 'word') throw refuse(token, 'operand')
    return take('(') ? call(token) : field(token)
  }
  function call(token: Token): Evaluate {
    const values: Evaluate[] = []
    if (!take(')')) {
      do values.push(either())
      while (take(','))
      need(')')
    }
    const found = Object.hasOwn(FUNCTIONS, token.text) ? FUNCTIONS[token.text] : undefined
    if (found === undefined)
      throw new RpcRefusal(GRPC.invalidArgument, `failed to parse predicate expression: unsupported function: ${token.text}`)
    return subject =>
      found(
        subject,
        values.map(value => value(subject)),
      )
  }
  function field(token: Token): Evaluate {
    let path = token.text
    while (!Object.hasOwn(FIELDS, path) && take('.')) {
      const next = peek()
      at++
      if (next.kind !== 'word') throw refuse(next, 'selector')
      path += `.${next.text}`
    }
    const found = Object.hasOwn(FIELDS, path) ? FIELDS[path] : undefined
    if (found === undefined)
      throw new RpcRefusal(GRPC.invalidArgument, `failed to parse predicate expression: identifier ${path} is not defined`)
    const key = indexKey()
    return key === undefined
      ? found
      : subject => {
          const map = found(subject)
          return typeof map === 'object' && Object.hasOwn(map, key) ? map[key] : undefined
        }
  }
  /** `["key"]` or `.key` */
  function indexKey(): string | undefined {
    const bracket = take('[')
    if (!bracket && !take('.')) return undefined
    const key = peek()
    at++
    if (key.kind !== (bracket ? 'text' : 'word')) throw refuse(key, 'operand')
    if (bracket) need(']')
    return key.text
  }

  const whole = either()
  if (peek().kind !== 'EOF') throw refuse(peek(), "'EOF'")
  return subject => whole(subject) === true
}
