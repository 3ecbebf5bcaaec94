import { makeCertificates } from '../kit/certificates.ts'
import { openCounterpart } from '../kit/tls-counterpart.ts'
import { openingOf } from './databases/opening.ts'
import { grant } from './wish.ts'

/** Child process: the far end of both ways. argv: the protocol of the certificate's route, then ALPN names. Tells its port and certificates to its parent. */
const certificates = await makeCertificates()
const [protocol, ...alpn] = process.argv.slice(2)
const [server, database] = await Promise.all([certificates.server(), certificates.database({ protocol: protocol! })])
const counterpart = await openCounterpart({
  server,
  clientRoots: [certificates.userRoot],
  alpn,
  serve: met => grant(met, openingOf(met.stream.alpnProtocol)),
})
process.send!({ port: counterpart.port, webRoot: certificates.webRoot, database })
process.once('disconnect', () => process.exit(0))
