/**
 * Looks at every request of a connection on its way to a database that speaks HTTP. Loopback is no wall against a browser:
 * any web page can make it send requests to a local port, and with a name of its own that leads here (DNS rebinding) it could
 * read the answers. So: no name but ours in Host, and nothing that browsers add. RFC 9112; Fetch Metadata (w3.org)
 */
export type RequestVerdict =
  /** The first head is not whole yet. */
  | { readonly state: 'more' }
  /** Everything so far may be passed on: a head that is not whole says nothing to a server. */
  | { readonly state: 'sane' }
  | { readonly state: 'refused'; readonly status: 400 | 403; readonly why: string }

/** More than any client sends; below what a connection may hold before its upstream is open. */
const HEAD_LIMIT = 32 * 1024
/** `ffffffff` and an extension nobody uses. */
const SIZE_LINE_LIMIT = 1_024

const MORE: RequestVerdict = { state: 'more' }
const SANE: RequestVerdict = { state: 'sane' }
const malformed = (why: string): RequestVerdict => ({ state: 'refused', status: 400, why })
const foreign = (why: string): RequestVerdict => ({ state: 'refused', status: 403, why })

type Part = 'head' | 'body' | 'chunk-size' | 'chunk' | 'chunk-end' | 'trailer'

const LINE_END = Buffer.from('\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const NOTHING = Buffer.alloc(0)

export class HttpRequests {
  readonly #port: number | undefined
  #part: Part = 'head'
  /** Bytes of the part before that is not whole: of a head or a line. */
  #kept = NOTHING
  /** Bytes of a body or chunk still to come. */
  #left = 0
  #requests = 0

  /** @param port where the tunnel listens; undefined for a Unix socket, which no browser reaches */
  constructor(port: number | undefined) {
    this.#port = port
  }

  /** @returns the verdict on everything up to the end of `chunk`; once refused it must not be called again */
  push(chunk: Buffer): RequestVerdict {
    let rest = chunk
    while (rest.length > 0) {
      if (this.#part === 'body' || this.#part === 'chunk') {
        const taken = Math.min(this.#left, rest.length)
        this.#left -= taken
        rest = rest.subarray(taken)
        if (this.#left === 0) this.#part = this.#part === 'body' ? 'head' : 'chunk-end'
        continue
      }
      const [end, limit] = this.#part === 'head' ? [HEAD_END, HEAD_LIMIT] : [LINE_END, SIZE_LINE_LIMIT]
      const known = this.#kept.length
      const text = known === 0 ? rest : Buffer.concat([this.#kept, rest])
      // Empty lines may stand before a request. RFC 9112 §2.2
      const start = this.#part === 'head' ? emptyLines(text) : 0
      const at = text.indexOf(end, Math.max(start, known - end.length))
      if ((at < 0 ? text.length : at) > limit) return malformed('its head is too long')
      if (at < 0) {
        this.#kept = Buffer.from(text)
        break
      }
      const refusal =
        this.#part === 'head' ? this.#readHead(text.toString('latin1', start, at)) : this.#readLine(text.toString('latin1', 0, at))
      if (refusal !== undefined) return refusal
      this.#kept = NOTHING
      rest = text.subarray(at + end.length)
    }
    return this.#requests === 0 ? MORE : SANE
  }

  #readLine(line: string): RequestVerdict | undefined {
    if (this.#part === 'trailer') {
      if (line === '') this.#part = 'head'
      return undefined
    }
    if (this.#part === 'chunk-end') {
      this.#part = 'chunk-size'
      return line === '' ? undefined : malformed('its body makes no sense')
    }
    const size = /^([0-9a-f]{1,8})[ \t]*(?:;.*)?$/i.exec(line)
    if (size === null) return malformed('its body makes no sense')
    this.#left = Number.parseInt(size[1]!, 16)
    this.#part = this.#left === 0 ? 'trailer' : 'chunk'
    return undefined
  }

  #readHead(head: string): RequestVerdict | undefined {
    const [first = '', ...lines] = head.split('\r\n')
    if (!/^[A-Z]+ [/*]\S* HTTP\/1\.[01]$/.test(first)) return malformed('it is no HTTP/1.1 request')
    const headers = new Map<string, string>()
    for (const line of lines) {
      const field = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\r\n\0]*?)[ \t]*$/.exec(line)
      if (field === null) return malformed('a line of its head makes no sense')
      const name = field[1]!.toLowerCase()
      // What decides must be said once.
      if (headers.has(name) && /^(?:host|content-length|transfer-encoding)$/.test(name)) return malformed(`it has two ${name} lines`)
      headers.set(name, field[2]!)
    }
    return this.#readBodyLength(headers) ?? this.#judge(headers)
  }

  #readBodyLength(headers: ReadonlyMap<string, string>): RequestVerdict | undefined {
    const coding = headers.get('transfer-encoding')
    const length = headers.get('content-length')
    if (coding !== undefined && (coding.toLowerCase() !== 'chunked' || length !== undefined))
      return malformed('how long it is cannot be told')
    if (length !== undefined && !/^\d{1,15}$/.test(length)) return malformed('how long it is cannot be told')
    this.#left = Number(length ?? 0)
    this.#part = coding !== undefined ? 'chunk-size' : this.#left > 0 ? 'body' : 'head'
    return undefined
  }

  #judge(headers: ReadonlyMap<string, string>): RequestVerdict | undefined {
    this.#requests++
    const host = headers.get('host')
    if (host === undefined || !isOurHost(host, this.#port)) return foreign('its Host is not this address')
    if (headers.has('origin')) return foreign('its Origin says that a web page sent it')
    for (const name of headers.keys()) if (name.startsWith('sec-fetch-')) return foreign('a browser sent it')
    const referer = headers.get('referer')
    if (referer !== undefined && !isOurPage(referer, this.#port)) return foreign('its Referer is another page')
    // A browser too old for Sec-Fetch. PowerShell names itself so too.
    const agent = headers.get('user-agent') ?? ''
    if (agent.startsWith('Mozilla/') && !agent.includes('PowerShell')) return foreign('a browser sent it')
    return undefined
  }
}

function emptyLines(text: Buffer): number {
  let at = 0
  while (text[at] === 0x0d && text[at + 1] === 0x0a) at += 2
  return at
}

/** A loopback name or address, or `<resource>.<cluster>.localhost`, with our port. */
function isOurHost(host: string, port: number | undefined): boolean {
  const parts = /^(?:(?:[\w-]+\.)*localhost\.?|127(?:\.\d{1,3}){3}|\[::1\])(?::(\d{1,5}))?$/i.exec(host)
  return parts !== null && (port === undefined || Number(parts[1] ?? 80) === port)
}

function isOurPage(referer: string, port: number | undefined): boolean {
  const host = /^http:\/\/([^/?#@]+)(?:[/?#]|$)/i.exec(referer)?.[1]
  return host !== undefined && isOurHost(host, port)
}
