import { PorticoError } from '../../../shared/errors.ts'
import type { CaPublic, CaType } from '../auth/auth.ts'

/** A certificate authority as JSON, as clusters exchange it when they come to trust each other. [captured: fixtures leaf/trusted-validate.*] */

const TYPES: readonly string[] = ['host', 'user', 'db'] satisfies CaType[]

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64')
const line = (text: string): string => (text.endsWith('\n') ? text : `${text}\n`)

export function encodeCa({ type, cluster, ssh, tls }: CaPublic): string {
  return JSON.stringify({
    kind: 'cert_authority',
    sub_kind: type,
    version: 'v2',
    metadata: { name: cluster },
    spec: {
      type,
      cluster_name: cluster,
      active_keys: {
        ...(ssh.length === 0 ? {} : { ssh: ssh.map(key => ({ public_key: base64(line(key)) })) }),
        tls: tls.map(cert => ({ cert: base64(cert) })),
      },
      additional_trusted_keys: {},
    },
  })
}

/** @returns undefined for a type that is not used here @throws PorticoError wire/malformed */
export function decodeCa(text: string): CaPublic | undefined {
  const malformed = (cause?: unknown): PorticoError =>
    new PorticoError('wire/malformed', { why: 'a certificate authority cannot be read' }, cause)
  try {
    const { spec } = JSON.parse(text) as { spec: Readonly<Record<string, unknown>> }
    const { type, cluster_name: cluster } = spec
    if (typeof type !== 'string' || typeof cluster !== 'string' || cluster === '') throw malformed()
    if (!TYPES.includes(type)) return undefined
    const sets = [spec['active_keys'], spec['additional_trusted_keys']]
    return {
      type: type as CaType,
      cluster,
      tls: sets.flatMap(set => values(set, 'tls', 'cert')),
      ssh: sets.flatMap(set => values(set, 'ssh', 'public_key').map(key => key.trim())),
    }
  } catch (thrown) {
    throw thrown instanceof PorticoError ? thrown : malformed(thrown)
  }
}

function values(set: unknown, kind: string, field: string): readonly string[] {
  const list = (set as Readonly<Record<string, unknown>> | undefined)?.[kind] ?? []
  if (!Array.isArray(list)) throw new TypeError(`${kind} is no list`)
  return list.map(item => {
    const value = (item as Readonly<Record<string, unknown>>)[field]
    if (typeof value !== 'string') throw new TypeError(`${field} is no text`)
    return Buffer.from(value, 'base64').toString('utf8')
  })
}
