import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.woff2': 'font/woff2',
}

/** Serves a built folder under the policy that the window's own scheme has, nonce included. */
export async function serveStrictly(folder: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer(
    (request, response) =>
      void (async () => {
        const path = normalize(new URL(request.url ?? '/', 'http://x').pathname)
        const file = join(folder, path === '/' ? 'index.html' : path)
        if (path === '/favicon.ico') return void response.writeHead(204).end()
        try {
          const nonce = randomBytes(16).toString('base64')
          const body = await readFile(file)
          response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream')
          response.setHeader(
            'content-security-policy',
            `default-src 'none'; script-src 'self'; style-src 'self' 'nonce-${nonce}'; font-src 'self'; img-src 'self'; connect-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
          )
          response.end(file.endsWith('.html') ? body.toString('utf8').replace('__CSP_NONCE__', nonce) : body)
        } catch {
          response.writeHead(404).end()
        }
      })(),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
