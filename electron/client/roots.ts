import { promises as fs } from 'node:fs'
import * as tls from 'node:tls'
import { splitPem } from '../wire/pem.ts'
import type { Trust } from './client.ts'
import { systemRoots } from './system-roots.ts'

/**
 * Roots for a proxy's web certificate: what the user gave (`--ca-file`), SSL_CERT_FILE, the system's store and Node's own list.
 * Never for auth or SSH: those trust the cluster's host CA alone. wire/identity.md 9
 * @returns PEM certificates, each once
 */
export async function webRoots({ extraRoots }: Trust): Promise<readonly string[]> {
  // First, so that many who ask at once share one list.
  const others = await (common ??= commonRoots())
  const key = extraRoots.join('\n')
  const roots = lists.get(key) ?? once([...extraRoots.flatMap(text => splitPem(text, 'CERTIFICATE')), ...others])
  keep(lists, key, roots)
  return roots
}

/** Comparing and reading some three hundred certificates takes a while: the results for the last few profiles are kept. */
const lists = new Map<string, readonly string[]>()
const contexts = new Map<string, tls.SecureContext>()
const MAX_KEPT = 8

function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  if (kept.size >= MAX_KEPT && !kept.has(key)) kept.delete(kept.keys().next().value!)
  kept.set(key, value)
}

/** The same for every proxy, and slow to find on some systems. */
let common: Promise<readonly string[]> | undefined

async function commonRoots(): Promise<readonly string[]> {
  const file = process.env['SSL_CERT_FILE']
  const named = file === undefined || file === '' ? '' : await fs.readFile(file, 'utf8').catch(() => '')
  return once([...splitPem(named, 'CERTIFICATE'), ...(await systemRoots(process.platform)), ...tls.rootCertificates])
}

/** Keeps the first of each; files differ in how they break lines. */
function once(pems: readonly string[]): readonly string[] {
  const seen = new Map<string, string>()
  for (const pem of pems) {
    const body = pem.replace(/\s+/g, '')
    if (!seen.has(body)) seen.set(body, pem)
  }
  return [...seen.values()]
}

/** A context without client certificate for the web certificate of a proxy. */
export async function webContext(trust: Trust): Promise<tls.SecureContext> {
  const key = trust.extraRoots.join('\n')
  const kept = contexts.get(key)
  if (kept !== undefined) return kept
  const context = tls.createSecureContext({ ca: [...(await webRoots(trust))] })
  keep(contexts, key, context)
  return context
}
