import { promises as fs } from 'node:fs'
import * as tls from 'node:tls'
import { splitPem } from '../wire/pem.ts'
import { runForText } from './run-for-text.ts'

/** Where distributions keep their bundle; the first that is there counts. Go: crypto/x509/root_linux.go */
const LINUX_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/** Keychains that only an administrator can write; a user's own may hold anything. */
const MAC_KEYCHAINS = ['/System/Library/Keychains/SystemRootCertificates.keychain', '/Library/Keychains/System.keychain']

const WINDOWS_SCRIPT =
  'Get-ChildItem Cert:\\LocalMachine\\Root, Cert:\\CurrentUser\\Root | ForEach-Object { [Convert]::ToBase64String($_.RawData) }'

/** What the system trusts, PEM; empty where it cannot be asked, since Node's own list is there too. */
export async function systemRoots(platform: NodeJS.Platform): Promise<readonly string[]> {
  if (platform !== 'win32' && platform !== 'darwin') return linuxRoots()
  // Node 22.15 and later read both stores themselves, with the user's distrust settings.
  const { getCACertificates } = tls as { getCACertificates?: (type: 'system') => readonly string[] }
  if (getCACertificates !== undefined) return getCACertificates('system')
  return platform === 'darwin' ? macRoots() : windowsRoots()
}

async function linuxRoots(): Promise<readonly string[]> {
  for (const path of LINUX_BUNDLES) {
    const text = await fs.readFile(path, 'utf8').catch(() => undefined)
    if (text !== undefined) return splitPem(text, 'CERTIFICATE')
  }
  return []
}

async function macRoots(): Promise<readonly string[]> {
  return splitPem(await runForText('/usr/bin/security', ['find-certificate', '-a', '-p', ...MAC_KEYCHAINS]), 'CERTIFICATE')
}

async function windowsRoots(): Promise<readonly string[]> {
  const text = await runForText('powershell.exe', ['-NoProfile', '-NonInteractive', '-Command', WINDOWS_SCRIPT])
  return windowsLinesToPem(text)
}

/** One certificate a line, base64 of its DER. */
export function windowsLinesToPem(text: string): readonly string[] {
  return text
    .split(/\r?\n/)
    .filter(line => /^[A-Za-z0-9+/]{100,}=*$/.test(line))
    .map(line => `-----BEGIN CERTIFICATE-----\n${line.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`)
}
