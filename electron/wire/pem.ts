import { malformed } from './der.ts'

/** No dash may stand inside a body, so a search never goes back far. */
const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,64})-----([^-]*)-----END \1-----/

/**
 * DER of the first block of `pem`, or of the first one with this label.
 * @throws PorticoError wire/malformed
 */
export function pemToDer(pem: string, label?: string): Buffer {
  for (const [, found, body] of pem.matchAll(new RegExp(BLOCK, 'g'))) {
    if (label === undefined || found === label) return Buffer.from(body!, 'base64')
  }
  throw malformed(`no PEM block${label === undefined ? '' : ` of type ${label}`}`)
}

export function derToPem(bytes: Uint8Array, label: string): string {
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
  return `-----BEGIN ${label}-----\n${body.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
}

/** Every block of a file that holds several, in order, each with its end of line; only those with `label` when given. */
export function splitPem(text: string, label?: string): readonly string[] {
  const blocks: string[] = []
  for (const found of text.matchAll(new RegExp(BLOCK, 'g'))) {
    if (label === undefined || found[1] === label) blocks.push(`${found[0]}\n`)
  }
  return blocks
}
