import { stat } from 'node:fs/promises'
import { posix } from 'node:path'
import type { FoundTool } from './find-tool.ts'
import type { Machine } from './machine.ts'

/** `open` gives arguments to a bundle's program; -n: also when the application runs already. */
export async function findToolDarwin(names: readonly string[], { userHome }: Machine): Promise<FoundTool | undefined> {
  for (const name of names) {
    for (const applications of ['/Applications', posix.join(userHome, 'Applications')]) {
      const bundle = posix.join(applications, `${name}.app`)
      const isThere = await stat(bundle).then(
        found => found.isDirectory(),
        () => false,
      )
      if (isThere)
        return {
          withArguments: ['/usr/bin/open', '-n', '-a', bundle, '--args'],
          withUrl: ['/usr/bin/open', '-a', bundle],
          folder: bundle,
        }
    }
  }
  return undefined
}
