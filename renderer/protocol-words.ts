import { DATABASE_PROTOCOLS } from '../shared/protocols.ts'
import { shown } from './words.ts'

/** What kinds of databases are called in the window. */

export function protocolTitle(dbProtocol: string): string {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]!.title : shown(dbProtocol)
}

export function protocolTile(dbProtocol: string): string {
  return Object.hasOwn(DATABASE_PROTOCOLS, dbProtocol) ? DATABASE_PROTOCOLS[dbProtocol]!.tile : shown(dbProtocol).slice(0, 2)
}
