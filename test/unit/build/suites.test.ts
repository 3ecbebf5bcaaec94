import { expect, test } from 'vitest'
import { countTests, SUITES, vitestArgs } from '../../../electron/build/suites.mjs'

const report = (statuses: readonly string[], file = 'passed') => ({
  numPassedTests: statuses.filter(status => status === 'passed').length,
  numFailedTests: statuses.filter(status => status === 'failed').length,
  numPendingTests: 0,
  numTodoTests: 0,
  testResults: [{ status: file, name: 'a.test.ts', assertionResults: statuses.map((status, i) => ({ status, fullName: `test ${i}` })) }],
})

test('what passed, failed and was skipped is counted, and what was skipped is named', () => {
  expect(countTests(report(['passed', 'failed', 'pending', 'skipped', 'todo'], 'failed'), 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 3,
    names: ['test 2', 'test 3', 'test 4'],
  })
})

test('a file that did not load is a failure', () => {
  expect(countTests(report([], 'failed'), 1).failed).toBe(1)
})

test('a run that ended badly with every test green is a failure', () => {
  expect(countTests(report(['passed']), 1).failed).toBe(1)
  expect(countTests(report(['passed']), 0).failed).toBe(0)
})

test('a run without a report is a failure', () => {
  expect(countTests(undefined, 0).failed).toBe(1)
})

test('suites have names of their own and ask vitest for counts', () => {
  expect(new Set(SUITES.map(({ name }) => name)).size).toBe(SUITES.length)
  expect(vitestArgs(SUITES[0]!, 'r.json')).toContain('--outputFile.json=r.json')
})
