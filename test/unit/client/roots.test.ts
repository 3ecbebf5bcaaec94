import { readFileSync } from 'node:fs'
import { rootCertificates } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { webRoots } from '../../../electron/client/roots.ts'
import { windowsLinesToPem } from '../../../electron/client/system-roots.ts'

const pem = rootCertificates[0]!
const trust = (...extraRoots: string[]) => ({ extraRoots, caPin: undefined, insecure: false })

describe('roots for the web certificate', () => {
  it('hold what the user gave first, then the list of Node, each certificate once', async () => {
    const own = readFileSync(new URL('../../vectors/client/web/auth-export-tls-host.response.txt', import.meta.url), 'utf8')
    const roots = await webRoots(trust(`# a comment\r\n${own}\n${own}`))
    expect(roots[0]).toMatch(/^-----BEGIN CERTIFICATE-----\nMIIDjTCC/)
    const bodies = roots.map(root => root.replaceAll(/\s/g, ''))
    expect(bodies).toContain(pem.replaceAll(/\s/g, ''))
    expect(new Set(bodies).size).toBe(bodies.length)
    expect((await webRoots(trust())).length).toBe(roots.length - 1)
  })

  it('are read from what PowerShell prints', () => {
    const line = pem.split('\n').slice(1, -1).join('').replace('-----END CERTIFICATE-----', '')
    const [first, ...others] = windowsLinesToPem(`${line}\r\nWARNING: something\r\n\r\n`)
    expect(others).toEqual([])
    expect(first!.replaceAll(/\s/g, '')).toBe(pem.replaceAll(/\s/g, ''))
  })
})
