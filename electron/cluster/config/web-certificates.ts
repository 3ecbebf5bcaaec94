import { X509Certificate } from 'node:crypto'
import { PorticoError } from '../../../shared/errors.ts'
import type { Log } from '../../log/log.ts'
import { splitPem } from '../../wire/pem.ts'
import type { KeyPair } from '../auth/auth.ts'
import type { KeyPairFiles } from './cluster-config.ts'
import { readKeyPair } from './key-pair.ts'

/** `kept`: what is there now cannot be used. */
export type ReloadOutcome = 'changed' | 'same' | 'kept'

export interface WebCertificates {
  /** By the name that a client asks for: its own certificate, one for `*.` of its domain, else the first. */
  pick(sni: string | undefined): KeyPair
  /**
   * Reads the files anew. Whole or not at all: a pair that cannot be used leaves all as they were, and says so in the log.
   * Connections that are open keep theirs.
   */
  reload(): ReloadOutcome
  /** Idempotent. */
  close(): void
}

export interface WebCertificatesOptions {
  /** Not empty. */
  readonly files: readonly KeyPairFiles[]
  /** ms between reloads; 0 = only when asked to */
  readonly everyMs: number
  readonly log: Log
  readonly now: () => number
  readonly onReload?: ((outcome: ReloadOutcome) => void) | undefined
}

interface Loaded {
  readonly first: KeyPair
  readonly byName: ReadonlyMap<string, KeyPair>
  /** Of all the texts, to see whether anything changed. */
  readonly pairs: readonly KeyPair[]
}

/** @throws PorticoError `cluster/config`: a file that cannot be read, no pair, or a chain that cannot be verified */
export function openWebCertificates({ files, everyMs, log, now, onReload }: WebCertificatesOptions): WebCertificates {
  let loaded = load(files, now())

  function reload(): ReloadOutcome {
    let outcome: ReloadOutcome = 'kept'
    try {
      const next = load(files, now())
      const isSame = next.pairs.every(({ key, cert }, index) => loaded.pairs[index]?.key === key && loaded.pairs[index].cert === cert)
      outcome = isSame ? 'same' : 'changed'
      if (!isSame) loaded = next
      if (!isSame) log.info('cluster.certificates-reloaded', { files: files.map(file => file.certFile) })
    } catch (thrown) {
      const why = thrown instanceof PorticoError ? String(thrown.facts['why']) : 'failed'
      log.warn('cluster.certificates-kept', { why }, thrown)
    }
    onReload?.(outcome)
    return outcome
  }

  const timer = everyMs > 0 ? setInterval(reload, everyMs).unref() : undefined
  return {
    pick: sni => pick(loaded, sni),
    reload,
    close: () => clearInterval(timer),
  }
}

function pick({ first, byName }: Loaded, sni: string | undefined): KeyPair {
  if (sni === undefined || byName.size === 0) return first
  const name = sni.toLowerCase().replace(/\.$/, '')
  return byName.get(name) ?? byName.get(name.replace(/^[^.]*/, '*')) ?? first
}

function load(files: readonly KeyPairFiles[], now: number): Loaded {
  const pairs = files.map(pair => readKeyPair(pair, now))
  const byName = new Map<string, KeyPair>()
  for (const pair of pairs) for (const name of namesOf(pair.cert)) if (!byName.has(name)) byName.set(name, pair)
  return { first: pairs[0]!, byName, pairs }
}

function namesOf(cert: string): readonly string[] {
  const own = new X509Certificate(splitPem(cert, 'CERTIFICATE')[0]!)
  return [...(own.subjectAltName ?? '').matchAll(/(?:^|, )DNS:([^,"]+)/g)].map(found => found[1]!.toLowerCase())
}
