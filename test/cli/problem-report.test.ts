import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { problemReport, problemSummary, problemsJson } from '../../src/cli/problem-report.ts'
import type { LocatedProblem } from '../../src/config/locate.ts'

const error: LocatedProblem = {
  code: 'config-type',
  message: '`topic` must be text; this is the number 5.',
  help: 'Put it in quotes: "5".',
  path: ['rules', 0, 'topic'],
  severity: 'error',
  file: 'rules/a.yaml',
  line: 3,
  column: 12,
  endColumn: 13,
  frame: '2 |   - id: a\n3 |     topic: 5\n  |            ^',
}
const warning: LocatedProblem = {
  code: 'config-no-rules',
  message: 'There is no rule in `rules`.',
  path: [],
  severity: 'warning',
  file: 'rules',
  line: 1,
  column: 1,
  frame: '',
}

describe('the report of problems', () => {
  it('shows people what, where and what to do', () => {
    expect(
      problemReport([error, warning], { colour: false }),
    ).toBe(`error: \`topic\` must be text; this is the number 5.
  rules/a.yaml:3:12
  2 |   - id: a
  3 |     topic: 5
    |            ^
  help: Put it in quotes: "5".
  see docs/ERRORS.md#config-type

warning: There is no rule in \`rules\`.
  rules
  see docs/ERRORS.md#config-no-rules

1 error, 1 warning in 2 files
`)
  })

  it('is the same with colours', () => {
    const coloured = problemReport([error, warning], { colour: true })
    expect(coloured).toContain('\u001b[31merror:')
    expect(stripVTControlCharacters(coloured)).toBe(problemReport([error, warning], { colour: false }))
  })

  it('lets nothing reach the terminal that it would act upon', () => {
    const evil = { ...error, message: 'a\u001b[2Jb', file: 'x\u001b]0;y\u0007.yaml' }
    expect(problemReport([evil], { colour: false })).not.toMatch(/[\u001b\u0007]/)
  })

  it('sums up', () => {
    expect(problemSummary([error, error, warning])).toBe('2 errors, 1 warning in 2 files')
    expect(problemSummary([error])).toBe('1 error in 1 file')
    expect(problemSummary([])).toBe('no problems')
    expect(problemReport([], { colour: true })).toBe('')
  })

  it('has a form for machines', () => {
    expect(JSON.parse(problemsJson([error]))).toEqual({
      problems: [
        {
          severity: 'error',
          code: 'config-type',
          message: error.message,
          help: error.help,
          file: 'rules/a.yaml',
          line: 3,
          column: 12,
          end_column: 13,
          path: ['rules', 0, 'topic'],
          frame: error.frame,
          see: 'docs/ERRORS.md#config-type',
        },
      ],
      summary: '1 error in 1 file',
    })
  })
})
