import { expect, test } from 'vitest'
import { parseSubsystem, type Subsystem } from '../../../../electron/cluster/ssh/subsystem.ts'

const node = (host: string, port: number, cluster = ''): Subsystem => ({ kind: 'node', host, port, cluster })
const badForm = (name: string): Subsystem => ({
  kind: 'refused',
  why: `invalid format for proxy request: "${name}", expected 'proxy:host:port@cluster'`,
})

const FORMS: readonly (readonly [string, Subsystem])[] = [
  ['proxysites', { kind: 'sites' }],
  ['proxy:@root.example', { kind: 'auth', cluster: 'root.example' }],
  ['proxy:node1:0@root.example', node('node1', 0, 'root.example')],
  ['proxy:node1:13022@default@root.example', node('node1', 13022, 'root.example')],
  ['proxy:node1:22', node('node1', 22)],
  ['proxy:node1:@root.example', node('node1', 0, 'root.example')],
  ['proxy:[::1]:22@root.example', node('::1', 22, 'root.example')],
  ['proxy:', { kind: 'refused', why: '' }],
  ['another', { kind: 'refused', why: '' }],
  [`proxy:${'x'.repeat(2000)}:0`, { kind: 'refused', why: '' }],
  ...['proxy:node1', 'proxy:node1:99999', 'proxy:node1:x@c', 'proxy:node1:0@', 'proxy:@', 'proxy:a:0@b@c@d'].map(
    name => [name, badForm(name)] as const,
  ),
]

test.each(FORMS)('%s is understood', (name, expected) => {
  expect(parseSubsystem(name)).toEqual(expected)
})
