import { PorticoError } from '../../../shared/errors.ts'
import { withStartedEngine } from '../engine-of-home.ts'
import { withContext } from '../open-context.ts'
import { resourceNamed } from '../resource-name.ts'
import type { Run } from '../run.ts'
import { table } from '../table.ts'

/** Opens a database in a program, or without `--with` says which programs there are. The tunnel stays with the engine. */
export async function open(run: Run, [name = '']: readonly string[], { with: tool }: { readonly with?: string }): Promise<void> {
  const resource = await withContext(run, async context => resourceNamed(context, run, name))
  await withStartedEngine(run, async engine => {
    if (tool !== undefined) {
      await engine.ask('tools.open', { resource, tool })
      return run.say.json ? run.say.value({ opened: { resource: name, tool } }) : run.say.text(`Opened ${name} in ${tool}.`)
    }
    const { tools } = await engine.ask('tools.list', { resource })
    if (run.say.json) return run.say.value({ tools })
    if (tools.length === 0)
      throw new PorticoError('tool/not-found', { tool: 'A program for it', why: 'Portico opens this kind of database in none' })
    run.say.text(
      ...table(
        ['TOOL', 'PROGRAM', 'INSTALLED'],
        tools.map(({ id, title, found }) => [id, title, found ? 'yes' : 'no']),
      ),
    )
  })
}
