import { splitPem, pemToDer } from '../../wire/pem.ts'
import type { Auth, CaType } from '../auth/auth.ts'
import { exportAnswer, exportRefusal, type Answer } from './answer.ts'

const pem = (auth: Auth, type: CaType): string => auth.ca(type).tls.join('')
const firstDer = (auth: Auth, type: CaType): Buffer => pemToDer(splitPem(pem(auth, type))[0]!)

/** known_hosts lines for the cluster and everything below its name. */
const hostLines = (auth: Auth): string =>
  auth
    .ca('host')
    .ssh.map(line => `@cert-authority ${auth.clusterName},*.${auth.clusterName} ${line.trim()} type=host\n`)
    .join('')

/** authorized_keys lines that trust the cluster's users. */
const userLines = (auth: Auth): string =>
  auth
    .ca('user')
    .ssh.map(line => `cert-authority ${line.trim()} clustername=${auth.clusterName}&type=user\n`)
    .join('')

/** `/webapi/auth/export`: public keys only, as Teleport writes them; errors are plain text here. wire/webapi.md 2 */
export function exportCa(auth: Auth, type: string): Answer {
  switch (type) {
    case '':
      return exportAnswer(hostLines(auth) + userLines(auth))
    case 'host':
      return exportAnswer(hostLines(auth))
    case 'user':
      return exportAnswer(userLines(auth))
    case 'tls':
    case 'tls-host':
      return exportAnswer(pem(auth, 'host'))
    case 'tls-user':
      return exportAnswer(pem(auth, 'user'))
    case 'tls-user-der':
    case 'windows':
      return exportAnswer(firstDer(auth, 'user'))
    case 'db':
      return exportAnswer(pem(auth, 'db'))
    case 'db-der':
      return exportAnswer(firstDer(auth, 'db'))
    // No application access here, so no keys; v13 answers the same for its own reasons. [captured]
    case 'jwt':
      return exportAnswer('')
    default:
      return exportRefusal(`"${type}" authority type is not supported`)
  }
}
