#!/usr/bin/env node
// Stands in for fpm where electron-builder cannot download it: reads the arguments that it gives, builds a .deb with dpkg-deb.
const { execFileSync } = require('node:child_process')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')

const LISTS = { '-d': 'depends', '--depends': 'depends', '--deb-recommends': 'recommends' }
const FLAGS = ['--force', '--debug']
const SCRIPTS = { 'after-install': 'postinst', 'after-remove': 'postrm', 'before-install': 'preinst', 'before-remove': 'prerm' }

/** `--name=value`, `--name value`, `-x value`, `SOURCE=DESTINATION`. */
function readArguments(args) {
  const read = { options: {}, depends: [], recommends: [], files: [] }
  for (let at = 0; at < args.length; at++) {
    const word = args[at]
    const equals = word.indexOf('=')
    if (FLAGS.includes(word)) continue
    if (LISTS[word]) read[LISTS[word]].push(args[++at])
    else if (word.startsWith('--') && equals > 0) read.options[word.slice(2, equals)] = word.slice(equals + 1)
    else if (word.startsWith('-')) read.options[word.replace(/^-+/, '')] = args[++at]
    else read.files.push([word.slice(0, word.lastIndexOf('=')), word.slice(word.lastIndexOf('=') + 1)])
  }
  return read
}

function copyInto(root, [source, destination]) {
  const target = path.join(root, destination)
  const isFolder = source.endsWith('/')
  fs.mkdirSync(isFolder ? target : path.dirname(target), { recursive: true })
  if (isFolder) execFileSync('cp', ['-a', `${source}.`, target])
  else fs.cpSync(source, target)
}

function control({ options, depends, recommends }, kilobytes) {
  const [summary = options.name, ...more] = (options.description ?? options.name).trim().split('\n')
  const lines = {
    Package: options.name,
    Version: options.version,
    Architecture: options.architecture,
    Maintainer: options.maintainer,
    'Installed-Size': kilobytes,
    Section: options.category ?? 'net',
    Priority: 'optional',
    Depends: depends.join(', '),
    Recommends: recommends.join(', '),
    Homepage: options.url,
    Description: [summary, ...more.map(line => ` ${line.trim() || '.'}`)].join('\n'),
  }
  return (
    Object.entries(lines)
      .flatMap(([name, value]) => (value ? [`${name}: ${value}`] : []))
      .join('\n') + '\n'
  )
}

const read = readArguments(process.argv.slice(2))
const { options, files } = read
if (options.t !== 'deb') {
  process.stderr.write(`fpm-deb: builds deb packages only, not ${options.t}; install fpm for those\n`)
  process.exit(1)
}
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'portico-deb-'))
try {
  fs.chmodSync(root, 0o755)
  for (const file of files) copyInto(root, file)
  const [kilobytes] = execFileSync('du', ['-sk', root]).toString().split('\t')
  const meta = path.join(root, 'DEBIAN')
  fs.mkdirSync(meta)
  fs.writeFileSync(path.join(meta, 'control'), control(read, kilobytes))
  for (const [name, script] of Object.entries(SCRIPTS)) {
    if (!options[name]) continue
    fs.copyFileSync(options[name], path.join(meta, script))
    fs.chmodSync(path.join(meta, script), 0o755)
  }
  const compression = options['deb-compression'] === 'gz' ? 'gzip' : 'xz'
  execFileSync('dpkg-deb', ['--root-owner-group', `-Z${compression}`, '-z1', '-b', root, options.package], { stdio: 'inherit' })
} finally {
  fs.rmSync(root, { recursive: true, force: true })
}
