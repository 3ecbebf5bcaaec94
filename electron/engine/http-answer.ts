const STATUS = { 400: 'Bad Request', 403: 'Forbidden' } as const

/** A short answer in HTTP, for whoever speaks it to a port where it does not belong. Says nothing that the client said. */
export function httpAnswer(status: keyof typeof STATUS, words: string): Buffer {
  const body = `Portico: ${words}\n`
  const head = [
    `HTTP/1.1 ${status} ${STATUS[status]}`,
    'Content-Type: text/plain; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ]
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`)
}
