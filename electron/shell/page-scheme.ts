import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { extname, join, sep } from 'node:path'
import { protocol } from 'electron'
import { PAGE_HOST, PAGE_SCHEME } from './our-page.ts'

/** Must run before the app is ready: a scheme's rights are fixed at start-up. */
export function registerPageScheme(): void {
  protocol.registerSchemesAsPrivileged([{ scheme: PAGE_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true } }])
}

/** Serves the built page from `folder`. `readFile`, not a file: URL: that one is off in the packaged app. */
export function servePage(folder: string): void {
  protocol.handle(PAGE_SCHEME, async request => {
    const { host, pathname } = new URL(request.url)
    const file = host === PAGE_HOST && request.method === 'GET' ? fileOf(folder, pathname) : undefined
    if (file === undefined) return new Response(null, { status: 404 })
    try {
      return respond(file, await readFile(file))
    } catch {
      return new Response(null, { status: 404 })
    }
  })
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
}

/** @returns undefined for what is outside the folder or of no known type */
export function fileOf(folder: string, pathname: string): string | undefined {
  let name
  try {
    name = decodeURIComponent(pathname)
  } catch {
    return undefined
  }
  const file = join(folder, name)
  return file.startsWith(folder + sep) && !name.includes('\0') && Object.hasOwn(TYPES, extname(file)) ? file : undefined
}

/** Overlays of radix-ui put a style element into the page: they carry the nonce, nothing else may. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "font-src 'self'",
    "img-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
}

function respond(file: string, bytes: Buffer): Response {
  const type = TYPES[extname(file)]!
  const headers: Record<string, string> = { 'content-type': type, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' }
  if (!type.startsWith('text/html')) return new Response(new Uint8Array(bytes), { headers })
  const nonce = randomBytes(16).toString('base64')
  headers['content-security-policy'] = contentSecurityPolicy(nonce)
  return new Response(bytes.toString('utf8').replaceAll('__CSP_NONCE__', nonce), { headers })
}
