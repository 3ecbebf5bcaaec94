import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { chainTrouble } from '../../../../electron/cluster/config/certificate-chain.ts'
import { readKeyPair } from '../../../../electron/cluster/config/key-pair.ts'
import { openWebCertificates } from '../../../../electron/cluster/config/web-certificates.ts'
import { NO_LOG } from '../../../../electron/log/log.ts'
import { makeCertificates, type TestCertificates } from '../../../kit/certificates.ts'
import { folder } from './config-file.ts'

const NOW = Date.now()
let known: TestCertificates
let unknown: TestCertificates
beforeAll(async () => {
  ;[known, unknown] = await Promise.all([makeCertificates(), makeCertificates()])
  writeFileSync(join(folder, 'roots.pem'), `rubbish\n${known.webRoot}`)
  vi.stubEnv('SSL_CERT_FILE', join(folder, 'roots.pem'))
  return () => void vi.unstubAllEnvs()
})

test('a chain is believed when the system knows its root, or when it brings a self-signed one', async () => {
  expect(chainTrouble((await known.server()).cert, NOW)).toBeUndefined()
  const foreign = (await unknown.server()).cert
  expect(chainTrouble(foreign, NOW)).toMatch(/^the chain cannot be verified: nobody known issued CN=localhost/)
  expect(chainTrouble(foreign + unknown.webRoot, NOW)).toBeUndefined()
  // The others may stand in any order, and what does not belong changes nothing.
  expect(chainTrouble(foreign + known.webRoot + unknown.webRoot, NOW)).toBeUndefined()
  expect(chainTrouble(foreign + known.webRoot, NOW)).toMatch(/cannot be verified/)
})

test('what is over, not yet valid, nameless or no certificate is not shown to anybody', async () => {
  const pair = await known.server({ now: NOW, notAfter: NOW + 1_000 })
  expect(chainTrouble(pair.cert, NOW + 2_000)).toMatch(/ended on/)
  expect(chainTrouble(pair.cert, NOW - 86_400_000)).toMatch(/begins on/)
  expect(chainTrouble('', NOW)).toBe('holds no certificate')
  expect(chainTrouble(known.webRoot, NOW)).toBe('names no host (subjectAltName)')
})

test('files that are missing, unreadable or no pair are named', async () => {
  const [a, b] = [await known.server(), await known.server()]
  const path = (name: string): string => join(folder, name)
  writeFileSync(path('a.key'), a.key)
  writeFileSync(path('a.pem'), a.cert)
  writeFileSync(path('b.pem'), b.cert)
  const read = (keyFile: string, certFile: string) => () => readKeyPair({ keyFile: path(keyFile), certFile: path(certFile) }, NOW)
  expect(read('a.key', 'a.pem')()).toEqual(a)
  expect(read('no.key', 'a.pem')).toThrow(/https private key does not exist: .*no\.key/)
  expect(read('a.key', 'no.pem')).toThrow(/https cert does not exist: .*no\.pem/)
  expect(read('a.key', '')).toThrow(/cannot be read/)
  expect(read('a.key', 'b.pem')).toThrow(/are no key pair/)
})

test('names are looked up whole, then with a star, in any case, with a dot at the end', async () => {
  const files = await Promise.all(
    [['one.example'], ['*.two.example', 'two.example'], ['one.example', 'three.example']].map(async (names, index) => {
      const { key, cert } = await known.server({ names })
      const pair = { keyFile: join(folder, `${index}.key`), certFile: join(folder, `${index}.pem`) }
      writeFileSync(pair.keyFile, key)
      writeFileSync(pair.certFile, cert)
      return { pair, cert }
    }),
  )
  const certificates = openWebCertificates({ files: files.map(({ pair }) => pair), everyMs: 0, log: NO_LOG, now: () => NOW })
  const shown = (sni: string | undefined): number => files.findIndex(({ cert }) => cert === certificates.pick(sni).cert)
  expect(
    [undefined, '', 'one.example', 'TWO.example.', 'x.Two.example', 'x.y.two.example', 'three.example', '*', 'nobody'].map(shown),
  ).toEqual([0, 0, 0, 1, 1, 0, 2, 0, 0])
  certificates.close()
})
