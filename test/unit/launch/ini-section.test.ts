import { describe, expect, it } from 'vitest'
import { checkSectionName, putSection, removeSection } from '../../../electron/launch/ini-section.ts'

const LINES = ['host=localhost', 'port=24017']
const put = (text: string, section = 'lab-orders', lines: readonly string[] = LINES): string => putSection(text, section, lines, '~/.file')

/** Files as people have them. */
const FILES: readonly (readonly [what: string, text: string])[] = [
  ['empty', ''],
  ['with another section', '[mine]\nhost=db.example\n'],
  ['without a last line end', '[mine]\nhost=db.example'],
  ['with Windows line ends', '# mine\r\n[mine]\r\nhost=db.example\r\n'],
  ['with comments and empty lines at the end', '[mine]\nhost=db.example\n\n# the end\n\n'],
  ['of bytes that are no UTF-8', '[b\u00fc\u00df]\npassword=\u00ff\u00fe\n'],
  ['with a tab before a section and a section of almost our name', '\t[lab-orders2]\nhost=x\n'],
]

describe('a section of ours', () => {
  it.each(FILES)('in a file %s comes and goes without a trace', (_what, text) => {
    const written = put(text)
    expect(written.startsWith(text)).toBe(true)
    expect(written).toContain('[lab-orders]')
    expect(removeSection(written, 'lab-orders')).toBe(text)
  })

  it.each(FILES)('in a file %s is written the same a second time', (_what, text) => {
    expect(put(put(text))).toBe(put(text))
  })

  it('is written with the line ends of the file', () => {
    expect(put('a=b\r\n').replaceAll('\r\n', '')).not.toMatch(/[\r\n]/)
  })

  it('is written anew where it stands, and what others wrote behind it stays', () => {
    const text = `${put('[mine]\nhost=a\n')}\n# about yours\n[yours]\nhost=b\n`
    const changed = put(text, 'lab-orders', ['host=c'])
    expect(changed).toBe(text.replace('host=localhost\nport=24017', 'host=c'))
    expect(removeSection(changed, 'lab-orders')).toBe('[mine]\nhost=a\n\n# about yours\n[yours]\nhost=b\n')
  })

  it('leaves others of ours alone', () => {
    const both = put(put(''), 'lab-metrics', ['host=m'])
    expect(removeSection(both, 'lab-orders')).toContain('[lab-metrics]')
    expect(removeSection(removeSection(both, 'lab-orders'), 'lab-metrics')).toBe('')
    const behind = put(put('[mine]\n'), 'lab-metrics')
    expect(removeSection(removeSection(behind, 'lab-orders'), 'lab-metrics')).toBe('[mine]\n')
  })
})

describe('a section of somebody else', () => {
  const theirs = '[lab-orders]\nhost=elsewhere\n'

  it('is neither overwritten nor removed', () => {
    expect(() => put(theirs)).toThrow('usage/invalid')
    expect(removeSection(theirs, 'lab-orders')).toBe(theirs)
  })
})

it('takes only names that stay one section', () => {
  for (const name of ['a]b', 'a\nb', ' a', '', 'a\u202eb']) expect(() => checkSectionName(name)).toThrow('usage/invalid')
  expect(() => checkSectionName('root.example-Größe 1')).not.toThrow()
})
