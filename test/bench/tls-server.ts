import { makeCertificates } from '../kit/certificates.ts'
import { openCounterpart } from '../kit/tls-counterpart.ts'
import { OPENINGS, protocolOf } from './databases/opening.ts'
import { grant } from './wish.ts'

/** Child process: the far end of both ways. argv: ALPN names; the first one tells the protocol of the certificate's route. Tells its port and certificates to its parent. */
const certificates = await makeCertificates()
const alpn = process.argv.slice(2)
const [server, database] = await Promise.all([certificates.server(), certificates.database({ protocol: protocolOf(alpn[0]) })])
const counterpart = await openCounterpart({
  server,
  clientRoots: [certificates.userRoot],
  alpn,
  serve: met => grant(met, OPENINGS[protocolOf(met.stream.alpnProtocol)]),
})
process.send!({ port: counterpart.port, webRoot: certificates.webRoot, database })
process.once('disconnect', () => process.exit(0))
