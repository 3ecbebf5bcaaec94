// What `electron [flags] FOLDER` runs in the stand-in runtime, which lacks Electron's own default app.
import fs from 'node:fs'
import Module, { createRequire } from 'node:module'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { app } from 'electron'

const argv = process.argv.slice(1)
const preload = []
let target
for (let i = 0; i < argv.length && target === undefined; i++) {
  if (argv[i] === '-r') preload.push(argv[++i])
  else if (argv[i] === '--version') {
    console.log(`v${process.versions.electron}`)
    process.exit(0)
  } else if (!argv[i].startsWith('-')) target = path.resolve(argv[i])
}
if (target === undefined) {
  console.error('usage: electron [flags] FOLDER_OR_FILE')
  process.exit(1)
}
if (preload.length > 0) Module._preloadModules(preload) // Playwright's loader
Object.defineProperty(process, 'defaultApp', { value: true, enumerable: true })

const manifest = path.join(target, 'package.json')
let root = path.dirname(target)
if (fs.existsSync(manifest)) {
  const { name, productName, version, desktopName } = JSON.parse(fs.readFileSync(manifest, 'utf8'))
  root = target
  if (version) app.setVersion(version)
  app.name = productName ?? name ?? app.name
  app.setDesktopName(desktopName ?? `${app.name}.desktop`)
}
app.setAppPath(root)
try {
  await import(pathToFileURL(createRequire(import.meta.url).resolve(target)).href) // holds back 'ready'
} catch (thrown) {
  console.error(thrown)
  process.exit(1)
}
