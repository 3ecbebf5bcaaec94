// `npm run dist [-- ARGS of electron-builder]`: packages in dist/. Without arguments what this system can build for itself.
import { spawnSync } from 'node:child_process'
import { chmodSync } from 'node:fs'
import { createRequire } from 'node:module'
import { build } from './build.mjs'
import { ensureElectron } from './electron-ensure.mjs'
import { inRoot, ROOT } from './root.mjs'

/** With the stand-in runtime: only what can be built without a download, and marked so that nobody takes it for a release. */
const STAND_IN_TARGETS = ['--linux', 'deb', 'zip', 'dir']

const { version } = createRequire(import.meta.url)('../../package.json')
const args = process.argv.slice(2)
const electron = await ensureElectron()
await build({ clean: true })
const { status } = spawnSync(
  process.execPath,
  [
    inRoot('node_modules/electron-builder/cli.js'),
    ...(args.length > 0 ? args : electron.standIn ? STAND_IN_TARGETS : []),
    '--publish=never',
    // What is there is taken as it is; electron-builder would download once more.
    '-c.electronDist=node_modules/electron/dist',
    ...(electron.standIn ? standInArguments(electron.version) : []),
  ],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...(electron.standIn ? standInTools() : {}) } },
)
process.exitCode = status ?? 1

/** @param {string} runtime version of Electron */
function standInArguments(runtime) {
  return [
    `-c.electronVersion=${runtime}`,
    '-c.extraMetadata.name=portico-standin',
    `-c.extraMetadata.version=${version}-standin.${runtime}`,
    // Quick to build and to try; nobody downloads it.
    '-c.compression=store',
    '-c.deb.compression=gz',
  ]
}

/** Programs that electron-builder would download. */
function standInTools() {
  const { path7za } = createRequire(import.meta.url)('7zip-bin')
  chmodSync(path7za, 0o755)
  return { CUSTOM_FPM_PATH: inRoot('electron/build/fpm-deb.cjs'), ELECTRON_BUILDER_7ZIP_PATH: path7za }
}
