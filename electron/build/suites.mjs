import { inRoot } from './root.mjs'

/**
 * Every suite of `npm test`, in order. `runtime: 'electron'` runs the same files on the crypto that users get.
 * `window`: needs a display, real or virtual. `slow`: one file at a time, for they measure, take ports and start programs.
 */
export const SUITES = [
  { name: 'unit', paths: ['test/unit'] },
  { name: 'vectors', paths: ['test/vectors'] },
  { name: 'ui', paths: ['test/ui'] },
  { name: 'integration', paths: ['test/integration'], slow: true },
  {
    name: 'electron-runtime',
    runtime: 'electron',
    paths: ['test/vectors', 'test/unit/wire', 'test/unit/engine', 'test/unit/client', 'test/unit/cluster', 'test/unit/ssh'],
  },
  {
    name: 'electron-integration',
    runtime: 'electron',
    paths: ['test/integration/engine', 'test/integration/router', 'test/integration/client/', 'test/integration/ssh'],
    slow: true,
  },
  { name: 'e2e', paths: ['test/e2e'], window: true, slow: true },
  { name: 'package', paths: ['test/package'], window: true, slow: true },
]

export const VITEST = inRoot('node_modules/vitest/vitest.mjs')

/** @param {{paths: string[], slow?: boolean}} suite @param {string} report file for the counts */
export function vitestArgs({ paths, slow }, report) {
  return [
    'run',
    '--config',
    'test/vitest.config.ts',
    '--passWithNoTests',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
    ...(slow ? ['--no-file-parallelism', '--testTimeout=90000', '--hookTimeout=60000'] : []),
    ...paths,
  ]
}

/**
 * Adds up what vitest reported. A file that did not load, or a run that ended badly without a failed test, is one failure.
 * @param {{numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: {status: string, name: string, message?: string, assertionResults: {status: string, fullName: string}[]}[]} | undefined} report
 * @param {number | null} code exit code of vitest
 */
export function countTests(report, code) {
  if (!report) return { passed: 0, failed: 1, skipped: 0, names: [] }
  const unloaded = report.testResults.filter(
    file => file.status === 'failed' && file.assertionResults.every(({ status }) => status !== 'failed'),
  )
  const failed = report.numFailedTests + unloaded.length
  const skipped = report.testResults
    .flatMap(file => file.assertionResults)
    .filter(({ status }) => status !== 'passed' && status !== 'failed')
  return {
    passed: report.numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: skipped.length,
    names: skipped.map(({ fullName }) => fullName),
  }
}
