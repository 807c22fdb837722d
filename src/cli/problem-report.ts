/** Shows problems to people, with the lines they are about, or as JSON for machines. */
import { styleText } from 'node:util'
import type { LocatedProblem } from '../config/locate.ts'
import { printable } from '../core/printable.ts'

export interface ReportOptions {
  /** True on a terminal that shows colours. */
  readonly colour: boolean
}

/** Where the codes are explained. */
const errorsPage = 'docs/ERRORS.md'

/** One block for each problem and a line that sums up; empty when there is no problem. */
export function problemReport(problems: readonly LocatedProblem[], options: ReportOptions): string {
  if (problems.length === 0) return ''
  const blocks = problems.map((problem) => block(problem, paint(options.colour)))
  return `${blocks.join('\n\n')}\n\n${problemSummary(problems)}\n`
}

/** `2 errors, 1 warning in 2 files` */
export function problemSummary(problems: readonly LocatedProblem[]): string {
  const errors = problems.filter(({ severity }) => severity === 'error').length
  const warnings = problems.length - errors
  const parts = [count(errors, 'error'), count(warnings, 'warning')].filter((part) => part !== null)
  const files = new Set(problems.map(({ file }) => file)).size
  return parts.length === 0 ? 'no problems' : `${parts.join(', ')} in ${count(files, 'file')}`
}

/** The form of `--format json`. */
export function problemsJson(problems: readonly LocatedProblem[]): string {
  const shown = problems.map((problem) => ({
    severity: problem.severity,
    code: problem.code,
    message: problem.message,
    help: problem.help ?? null,
    file: problem.file,
    line: problem.line,
    column: problem.column,
    end_column: problem.endColumn ?? null,
    path: problem.path,
    frame: problem.frame,
    see: `${errorsPage}#${problem.code}`,
  }))
  return JSON.stringify({ problems: shown, summary: problemSummary(problems) }, null, 2)
}

type Style = 'red' | 'yellow' | 'cyan' | 'dim' | 'bold'
type Paint = (style: Style, text: string) => string

function paint(colour: boolean): Paint {
  // Whether there is a terminal was decided by the caller.
  return (style, text) => (colour ? styleText(style, text, { validateStream: false }) : text)
}

function block(problem: LocatedProblem, painted: Paint): string {
  const colour = problem.severity === 'error' ? 'red' : 'yellow'
  const isWholeFile = problem.frame === '' && problem.line === 1 && problem.column === 1
  const place = isWholeFile ? problem.file : `${problem.file}:${problem.line}:${problem.column}`
  const lines = [
    `${painted(colour, `${problem.severity}:`)} ${painted('bold', printable(problem.message))}`,
    `  ${painted('cyan', printable(place))}`,
  ]
  if (problem.frame !== '') {
    lines.push(
      ...problem.frame
        .split('\n')
        .map((line) => `  ${/^ *\| *\^+$/.test(line) ? painted(colour, line) : painted('dim', line)}`),
    )
  }
  if (problem.help !== undefined) lines.push(`  ${painted('bold', 'help:')} ${printable(problem.help)}`)
  lines.push(`  ${painted('dim', `see ${errorsPage}#${problem.code}`)}`)
  return lines.join('\n')
}

function count(number: number, noun: string): string | null {
  return number === 0 ? null : counted(number, noun)
}

/** `1 rule`, `2 rules` */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
