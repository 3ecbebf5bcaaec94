import { WebRefusal, type WebRequest } from './answer.ts'

/** Teleport: lib/httplib, teleport.MaxHTTPRequestSize */
const BODY_LIMIT = 10 * 1024 * 1024
const BODY_DEADLINE_MS = 30_000

/** Go's names of the types that a field may have, as its decoder's errors tell them. */
type FieldType = 'string' | 'bool' | '[]string' | '[]uint8' | 'time.Duration' | 'object'
export type Fields = Readonly<Record<string, FieldType>>

type ValueOf<T extends FieldType> = T extends 'string'
  ? string
  : T extends 'bool'
    ? boolean
    : T extends 'time.Duration'
      ? number
      : T extends '[]string'
        ? readonly string[]
        : T extends '[]uint8'
          ? Buffer | undefined
          : object | undefined
export type Body<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> }

function readBody(request: WebRequest): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    const refuse = (status: number, why: string): void => {
      clearTimeout(timer)
      request.pause()
      reject(new WebRefusal(status, why))
    }
    const timer = setTimeout(() => refuse(408, 'request: timeout'), BODY_DEADLINE_MS)
    request.on('error', () => refuse(400, 'request: unexpected EOF'))
    request.on('aborted', () => refuse(400, 'request: unexpected EOF'))
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > BODY_LIMIT) refuse(413, 'request: http: request body too large')
      else chunks.push(chunk)
    })
    request.on('end', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks, length))
    })
  })
}

/** V8's words to Go's: a text that stops early, or one that goes wrong on the way. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (thrown) {
    const words = String(thrown)
    const position = /at position (\d+)/.exec(words)?.[1]
    const ended = words.includes('end of JSON input') || (position !== undefined && Number(position) >= text.length)
    if (ended) throw new WebRefusal(400, 'request: unexpected end of JSON input')
    const character = position === undefined ? text.trim().charAt(0) : text.charAt(Number(position))
    throw new WebRefusal(400, `request: invalid character '${character}' looking for beginning of value`)
  }
}

function goTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array'
  return typeof value === 'boolean' ? 'bool' : typeof value
}

function fieldValue(struct: string, name: string, type: FieldType, value: unknown): unknown {
  const wrong = (): WebRefusal =>
    new WebRefusal(400, `request: json: cannot unmarshal ${goTypeName(value)} into Go struct field ${struct}.${name} of type ${type}`)
  if (value === undefined || value === null) {
    return type === 'string' ? '' : type === 'bool' ? false : type === 'time.Duration' ? 0 : type === '[]string' ? [] : undefined
  }
  if (type === 'string' || type === 'bool') {
    if (typeof value !== (type === 'bool' ? 'boolean' : 'string')) throw wrong()
    return value
  }
  if (type === 'time.Duration') {
    if (typeof value !== 'number' || !Number.isInteger(value)) throw wrong()
    return value
  }
  if (type === '[]string') {
    if (!Array.isArray(value) || value.some(item => typeof item !== 'string')) throw wrong()
    return value
  }
  if (type === 'object') {
    if (typeof value !== 'object' || Array.isArray(value)) throw wrong()
    return value
  }
  if (typeof value !== 'string') throw wrong()
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value)) {
    throw new WebRefusal(400, 'request: illegal base64 data at input byte 0')
  }
  return Buffer.from(value, 'base64')
}

/**
 * The body of a POST: unknown fields are ignored, missing ones are zero values, wrong types are told in Go's words.
 * `application/json` is required: it is the guard against cross-site requests. Teleport: lib/httplib ReadJSON
 * @throws WebRefusal
 */
export async function readJson<F extends Fields>(request: WebRequest, struct: string, fields: F): Promise<Body<F>> {
  const contentType = request.headers['content-type']?.split(';')[0]?.trim().toLowerCase()
  if (contentType !== 'application/json') throw new WebRefusal(400, 'invalid request')
  const value = parseJson((await readBody(request)).toString('utf8'))
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new WebRefusal(400, `request: json: cannot unmarshal ${goTypeName(value)} into Go value of type client.${struct}`)
  }
  const given = value as Record<string, unknown>
  const read = Object.entries(fields).map(([name, type]) => [
    name,
    fieldValue(struct, name, type, Object.hasOwn(given, name) ? given[name] : undefined),
  ])
  return Object.fromEntries(read) as Body<F>
}
