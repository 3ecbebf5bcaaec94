import { makeCertificates } from '../kit/certificates.ts'
import { openCounterpart } from '../kit/tls-counterpart.ts'
import { grant } from './wish.ts'

/** Child process: the far end of both ways. argv: ALPN names. Tells its port and certificates to its parent. */
const certificates = await makeCertificates()
const [server, database] = await Promise.all([certificates.server(), certificates.database()])
const counterpart = await openCounterpart({ server, clientRoots: [certificates.userRoot], alpn: process.argv.slice(2), serve: grant })
process.send!({ port: counterpart.port, webRoot: certificates.webRoot, database })
process.once('disconnect', () => process.exit(0))
