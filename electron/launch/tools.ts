import type { Tool } from './tool.ts'
import { DATAGRIP } from './tools/datagrip.ts'
import { DBEAVER } from './tools/dbeaver.ts'
import { MYSQL_WORKBENCH } from './tools/mysql-workbench.ts'
import { PGADMIN } from './tools/pgadmin.ts'
import { TERMINAL_CLIENTS } from './tools/terminal-clients.ts'
import { COMPASS, REDIS_INSIGHT, TABLEPLUS } from './tools/url-tools.ts'

/** Every program that a database can be opened in; order = the order on show among equals. */
export const TOOLS: readonly Tool[] = [...TERMINAL_CLIENTS, DBEAVER, DATAGRIP, TABLEPLUS, PGADMIN, MYSQL_WORKBENCH, COMPASS, REDIS_INSIGHT]

export function toolsFor(dbProtocol: string): readonly Tool[] {
  return TOOLS.filter(({ protocols }) => protocols.includes(dbProtocol))
}
