import { request } from 'node:https'
import { rootCertificates } from 'node:tls'
import { readFile } from 'node:fs/promises'
import { formatAddress, type Address } from '../../../shared/address.ts'
import { PorticoError, type ErrorCode } from '../../../shared/errors.ts'
import { splitPem } from '../../wire/pem.ts'

const ANSWER_LIMIT = 1024 * 1024
const DEADLINE_MS = 30_000
/** HTTP status of a request that is to come again later. */
export const TOO_MANY = 429

/** Roots for a router's web certificate: the public ones, those of SSL_CERT_FILE, and what the configuration adds. */
export async function webRoots(extra: readonly string[]): Promise<readonly string[]> {
  const file = process.env['SSL_CERT_FILE']
  const named = file === undefined || file === '' ? '' : await readFile(file, 'utf8').catch(() => '')
  return [...extra, ...splitPem(named, 'CERTIFICATE'), ...rootCertificates]
}

function refusalCode(status: number): ErrorCode {
  if (status === TOO_MANY) return 'proxy/unreachable'
  return status >= 400 && status < 500 ? 'access/denied' : 'proxy/answer'
}

/**
 * POST of JSON to a router's web API, before there is any certificate.
 * @throws PorticoError access/denied (a refusal, with its words), proxy/unreachable (also when it takes no more for now: facts.status is
 *   {@link TOO_MANY}), proxy/answer, app/cancelled
 */
export function postJson(
  proxy: Address,
  path: string,
  value: unknown,
  { roots, signal }: { readonly roots: readonly string[]; readonly signal?: AbortSignal | undefined },
): Promise<Readonly<Record<string, unknown>>> {
  const where = formatAddress(proxy)
  return new Promise((resolve, reject) => {
    const deadline = AbortSignal.timeout(DEADLINE_MS)
    const failed = (thrown: unknown): void => {
      if (signal?.aborted === true) return reject(new PorticoError('app/cancelled', {}, thrown))
      const why = thrown instanceof Error ? ((thrown as NodeJS.ErrnoException).code ?? thrown.message) : 'failed'
      reject(new PorticoError('proxy/unreachable', { proxy: where, why: deadline.aborted ? 'no answer in time' : why }, thrown))
    }
    const body = Buffer.from(JSON.stringify(value), 'utf8')
    const call = request(
      {
        host: proxy.host,
        port: proxy.port,
        path,
        method: 'POST',
        ca: [...roots],
        agent: false,
        headers: { 'content-type': 'application/json', 'content-length': body.length },
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      },
      response => {
        const chunks: Buffer[] = []
        let length = 0
        response.on('data', (chunk: Buffer) => {
          length += chunk.length
          if (length > ANSWER_LIMIT) call.destroy(new Error('the answer is too long'))
          else chunks.push(chunk)
        })
        response.on('error', failed)
        response.on('end', () => {
          const text = Buffer.concat(chunks, length).toString('utf8')
          const status = response.statusCode ?? 0
          let answer: unknown
          try {
            answer = JSON.parse(text)
          } catch {
            return reject(new PorticoError('proxy/answer', { proxy: where, why: `HTTP status ${status}` }))
          }
          if (status === 200 && typeof answer === 'object' && answer !== null) return resolve(answer as Record<string, unknown>)
          const message = (answer as { error?: { message?: unknown } } | null)?.error?.message
          reject(
            new PorticoError(refusalCode(status), {
              proxy: where,
              status,
              why: typeof message === 'string' ? message.slice(0, 1_000) : `HTTP status ${status}`,
            }),
          )
        })
      },
    )
    call.on('error', failed)
    call.end(body)
  })
}
