// `npm run dist [-- ARGS of electron-builder]`: packages in dist/. Without arguments an unpacked folder, to try.
import { spawnSync } from 'node:child_process'
import { build } from './build.mjs'
import { ensureElectron } from './electron-ensure.mjs'
import { inRoot, ROOT } from './root.mjs'

const args = process.argv.slice(2)
const unpacked = args.length === 0 || args.includes('--dir')
const electron = await ensureElectron()
if (electron.standIn && !unpacked) {
  console.error('dist: the stand-in runtime must not be in a package that is published: only an unpacked folder is built with it')
  process.exit(1)
}
await build({ clean: true })
const { status } = spawnSync(
  process.execPath,
  [
    inRoot('node_modules/electron-builder/cli.js'),
    ...(args.length > 0 ? args : ['--dir']),
    '--publish=never',
    // What is there is taken as it is; electron-builder would download once more.
    '-c.electronDist=node_modules/electron/dist',
    ...(electron.standIn ? [`-c.electronVersion=${electron.version}`] : []),
  ],
  { cwd: ROOT, stdio: 'inherit' },
)
process.exitCode = status ?? 1
