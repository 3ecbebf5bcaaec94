import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { PorticoError } from '../../../shared/errors.ts'

/** A file of `assets/lab`, from the sources and from the built files alike. @throws PorticoError `lab/failed` */
export function seedFile(name: string): string {
  for (let folder = import.meta.dirname; ; folder = dirname(folder)) {
    const found = join(folder, 'assets', 'lab', name)
    if (existsSync(found)) return found
    if (folder === dirname(folder)) throw new PorticoError('lab/failed', { why: `the lab data (assets/lab/${name}) is missing` })
  }
}
