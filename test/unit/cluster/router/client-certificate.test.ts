import { X509Certificate } from 'node:crypto'
import { expect, it } from 'vitest'
import { parseClientCas, refuseClientCertificate } from '../../../../electron/cluster/router/client-certificate.ts'
import { clientPair, newCa } from '../../../integration/router/certificates.ts'

const NOW = Date.now()
const HOUR = 3_600_000
const certificate = async (ca: Awaited<ReturnType<typeof newCa>>): Promise<X509Certificate> =>
  new X509Certificate((await clientPair(ca, {}, NOW + HOUR, NOW)).cert)

it('judges a certificate by its issuer and the given time alone', async () => {
  const [ours, sameName] = [await newCa('root.example'), await newCa('root.example')]
  const cas = parseClientCas([sameName.cert, ours.cert])
  const good = await certificate(ours)
  expect(refuseClientCertificate(good, cas, NOW)).toBeUndefined()
  expect(refuseClientCertificate(good, cas, NOW + HOUR + 1_000)).toBe('expired')
  expect(refuseClientCertificate(good, cas, NOW - HOUR)).toBe('not valid yet')
  expect(refuseClientCertificate(good, parseClientCas([sameName.cert]), NOW)).toBe('unknown authority')
  expect(refuseClientCertificate(good, [], NOW)).toBe('unknown authority')
  expect(
    refuseClientCertificate(
      good,
      cas.map(ca => ({ ...ca, notAfter: NOW - 1 })),
      NOW,
    ),
  ).toBe('authority expired')
})
