import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { ClusterConfig } from '../../../../electron/cluster/config/cluster-config.ts'
import { loadConfig } from '../../../../electron/cluster/config/load-config.ts'
import { PorticoError } from '../../../../shared/errors.ts'

export const folder = mkdtempSync(join(tmpdir(), 'portico-config-'))
// Test files that run in one thread share it.
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))

export function load(yaml: string): ClusterConfig {
  const file = join(folder, 'portico.yaml')
  writeFileSync(file, yaml)
  return loadConfig(file)
}

export interface Refused {
  readonly code: string
  readonly line: unknown
  readonly key: unknown
  /** Without the file. */
  readonly why: string
  /** `line: key: why` of each. */
  readonly problems: readonly string[]
}

export function refused(yaml: string): Refused {
  try {
    load(yaml)
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(PorticoError)
    const { code, facts } = thrown as PorticoError
    return {
      code,
      line: facts['line'],
      key: facts['key'],
      why: String(facts['why']).replace(/^.*portico\.yaml:\d+: /, ''),
      problems: ((facts['problems'] ?? []) as readonly string[]).map(text => text.replace(/^.*portico\.yaml:/, '')),
    }
  }
  throw new Error('was taken')
}

export const SMALL = `version: v3
teleport:
  data_dir: data
auth_service:
  cluster_name: example
`
