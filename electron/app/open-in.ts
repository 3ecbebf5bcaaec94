import { createHash } from 'node:crypto'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { PorticoError } from '../../shared/errors.ts'
import type { Database, Tool as ShownTool } from '../../shared/state.ts'
import { databaseClient } from '../launch/database-client.ts'
import { findFirstProgram } from '../launch/find-program.ts'
import { findTool, type FoundTool } from '../launch/find-tool.ts'
import type { Machine } from '../launch/machine.ts'
import { forgetToolFiles, inFolder, runTool, startTool, writeToolFiles } from '../launch/start-tool.ts'
import { openInTerminal } from '../launch/terminal.ts'
import type { Importer, Tool, ToolStart, ToolTarget } from '../launch/tool.ts'
import { toolsFor } from '../launch/tools.ts'
import type { Context } from './context.ts'
import { findClient } from './find-client.ts'
import type { OpenTunnel } from './tunnels.ts'

export function machineOf({ env }: Pick<Context, 'env'>): Machine {
  return { platform: process.platform, env, userHome: homedir() }
}

/** Programs for a database: found ones first, the last used at the top. */
export async function listTools(context: Context, { id, dbProtocol }: Pick<Database, 'id' | 'dbProtocol'>): Promise<readonly ShownTool[]> {
  const machine = machineOf(context)
  const lastTool = context.profiles.remembered(id).tool
  const shown = await Promise.all(
    toolsFor(dbProtocol).map(async tool => ({
      id: tool.id,
      title: tool.title,
      found: await isFound(tool, dbProtocol, machine),
      last: tool.id === lastTool,
    })),
  )
  const rank = ({ found, last }: ShownTool): number => (found ? (last ? 0 : 1) : 2)
  return shown.sort((one, other) => rank(one) - rank(other))
}

async function isFound({ places }: Tool, dbProtocol: string, machine: Machine): Promise<boolean> {
  if (places !== undefined) return (await findTool(places, machine)) !== undefined
  const client = databaseClient(dbProtocol)
  return client !== undefined && (await findFirstProgram(client.programs, machine.env)) !== undefined
}

/** @throws PorticoError `tool/not-found` when this kind of database is not opened in it */
export function toolFor(dbProtocol: string, id: string): Tool {
  const tools = toolsFor(dbProtocol)
  const tool = tools.find(one => one.id === id)
  if (tool !== undefined) return tool
  const next = tools.length === 0 ? 'copy the address into your program' : `one of ${tools.map(one => one.id).join(', ')}`
  throw new PorticoError('tool/not-found', { tool: id, why: 'Portico does not open this kind of database in it', next })
}

/**
 * Opens a tool on an open tunnel, with everything filled in.
 * @param terminal the program of the settings; null = found by itself
 * @throws PorticoError `tool/not-found`, `tool/failed`, `usage/invalid`
 */
export async function openTool(context: Context, tunnel: OpenTunnel, tool: Tool, terminal: string | null): Promise<void> {
  const machine = machineOf(context)
  const target: ToolTarget = { ...tunnel, host: 'localhost' }
  const folder = toolFolder(context, tunnel, tool)
  const start = tool.start(target)
  if (start.how === 'terminal') await startInTerminal(context, machine, tunnel, folder, terminal)
  else await startFound(tool, start, machine, folder)
  await context.profiles.remember(tunnel.resource, { tool: tool.id })
}

/** One a tunnel and tool; the name comes from a server, so it is not part of the path. */
function toolFolder({ home }: Context, { resource }: OpenTunnel, { id }: Tool): string {
  return join(home.files, 'open-in', `${id}-${createHash('sha256').update(resource).digest('hex').slice(0, 12)}`)
}

async function startInTerminal(
  context: Context,
  machine: Machine,
  tunnel: OpenTunnel,
  folder: string,
  terminal: string | null,
): Promise<void> {
  const { program, args, env } = await findClient(context, tunnel, [])
  const own = Object.entries(env).flatMap(([name, value]) => (value === undefined || value === context.env[name] ? [] : [[name, value]]))
  const wish = { words: [program, ...args], variables: Object.fromEntries(own) as Record<string, string>, terminal }
  const { words, files } = await openInTerminal(wish, machine)
  await writeToolFiles(folder, files)
  await startTool(inFolder(words, folder), machine.env)
}

async function startFound(tool: Tool, start: Exclude<ToolStart, { how: 'terminal' }>, machine: Machine, folder: string): Promise<void> {
  const found = tool.places === undefined ? undefined : await findTool(tool.places, machine)
  if (found === undefined) throw new PorticoError('tool/not-found', { tool: tool.title, next: `install ${tool.title}, or choose another` })
  if (start.how === 'url') return startTool([...found.withUrl, start.url], machine.env)
  const changed = await writeToolFiles(folder, start.files ?? [])
  if (start.how === 'arguments') return startTool(inFolder([...found.withArguments, ...start.args], folder), machine.env)
  // What was imported stays in the tool: once is enough.
  if (changed) await importOnce(found, start.importer, inFolder(start.args, folder), machine, folder)
  await startTool(found.withUrl, machine.env)
}

async function importOnce(found: FoundTool, importer: Importer, args: readonly string[], machine: Machine, folder: string): Promise<void> {
  const [program, script] = importer[machine.platform === 'darwin' || machine.platform === 'win32' ? machine.platform : 'linux']
  try {
    await runTool([join(found.folder, program), join(found.folder, script), ...args], machine.env)
  } catch (thrown) {
    await forgetToolFiles(folder)
    throw thrown
  }
}
