import { expect, test } from 'vitest'
import { parsePredicate, type PredicateSubject } from '../../../../electron/cluster/auth/predicate.ts'

const subject: PredicateSubject = {
  name: 'maria',
  labels: { env: 'lab', 'team/x': 'a "b"' },
  description: 'old',
  kind: 'db',
  protocol: 'mysql',
  uri: 'localhost:3306',
  search: words => words.every(word => 'maria mysql lab'.includes(word)),
}

test.each([
  'labels["env"] == "lab" && name == "maria"',
  'labels.env == "lab"',
  'labels["team/x"] == "a \\"b\\""',
  'labels[`env`] != "prod"',
  'labels["none"] != "x"',
  '!(name == "pg") && !false',
  'name == "pg" || name == "maria"',
  'name == "pg" && name == "x" || true',
  'search("maria", "mysql")',
  'equals(labels["env"], "lab")',
  'hasPrefix(resource.metadata.name, "mar") && hasPrefix(name, "")',
  'resource.metadata.labels["env"] == "lab" && resource.spec.protocol == "mysql" && resource.kind == "db"',
  'exists(labels["env"]) && !exists(labels["none"])',
  '  ( ( name=="maria" ) )  ',
])('%s holds', text => {
  expect(parsePredicate(text)(subject)).toBe(true)
})

test.each([
  'labels["env"] == "prod"',
  'labels["none"] == "x"',
  'name',
  '"text"',
  'labels',
  'search("maria", "pg")',
  '!true',
  'labels["toString"] == "x"',
  'exists(labels["toString"])',
  'hasPrefix(labels["none"], "")',
])('%s does not hold', text => {
  expect(parsePredicate(text)(subject)).toBe(false)
})

test.each([
  ['labels[', "1:8: expected operand, found 'EOF'"],
  ['', "1:1: expected operand, found 'EOF'"],
  ['name ==', "1:8: expected operand, found 'EOF'"],
  ['name == "a" name', "1:13: expected 'EOF', found 'name'"],
  ['name & "a"', "1:6: expected operand, found '&'"],
  ['(name', "1:6: expected ')', found 'EOF'"],
  ['nosuch == "a"', 'identifier nosuch is not defined'],
  ['constructor("a")', 'unsupported function: constructor'],
  ['('.repeat(10_000), 'too long'],
  ['('.repeat(1_000), 'too deep'],
  ['"unclosed', "expected operand, found '\"'"],
])('%j is refused', (text, why) => {
  expect(() => parsePredicate(text)).toThrow(expect.objectContaining({ code: 3, message: expect.stringContaining(why) as string }) as Error)
})

test('long rows of signs are read in time', () => {
  expect(parsePredicate(`${'!'.repeat(4_000)}true`)(subject)).toBe(true)
})
