/** `log`: writes a line into a CSV or NDJSON file in the log directory. */
import type { LogEffect } from '../../core/effect.ts'
import { logFileNameFault } from '../../core/log-file-name.ts'
import { type Problem, problem, type Result, under } from '../../core/problem.ts'
import type { Scope } from '../../core/rules/scope.ts'
import { compileText } from '../../core/templates/compile.ts'
import type { Rendered, Template } from '../../core/templates/template.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { Action, ActionContext, Cancelled, PlannedAction } from '../../ports/action.ts'
import { splitTemplate } from '../shared/template-source.ts'
import { compileColumns, defaultColumns } from './columns.ts'
import { type LogSpec, logSchema } from './schema.ts'

export const log: Action<LogSpec> = {
  name: 'log',
  description: 'Writes a line into a CSV or NDJSON file in the log directory.',
  schema: logSchema,
  compile,
}

function compile(spec: LogSpec, context: ActionContext): Result<PlannedAction> {
  const file = compileFile(spec.file, context)
  const format = spec.format ?? formatOfName(spec.file)
  const columns = compileColumns(spec.columns ?? defaultColumns, format, context)
  if (!file.ok || !columns.ok || format === null) {
    const problems: Problem[] = []
    if (!file.ok) problems.push(...under(['file'], file.problems))
    if (!columns.ok) problems.push(...under(['columns'], columns.problems))
    if (format === null) problems.push(unknownFormat(spec.file))
    return { ok: false, problems }
  }
  const rotate = { sizeBytes: spec.rotate.size, keep: spec.rotate.keep }
  const value: PlannedAction = {
    plan(scope, nowMs) {
      const name = renderFile(file.value, scope, nowMs)
      if (!name.ok) return cancelled(name)
      const record = columns.value.render(scope, nowMs)
      if (!record.ok) return cancelled(record)
      const effect: LogEffect = {
        kind: 'log',
        file: name.text,
        format,
        columns: columns.value.names,
        values: record.values,
        rotate,
      }
      return { ok: true, effects: [effect] }
    },
    uses: [...file.value.uses, ...columns.value.uses],
    publishesTo: [],
  }
  return { ok: true, value }
}

function formatOfName(file: string): LogEffect['format'] | null {
  if (/\.csv$/i.test(file)) return 'csv'
  return /\.(ndjson|jsonl)$/i.test(file) ? 'ndjson' : null
}

function unknownFormat(file: string): Problem {
  return problem('log-format', ['file'], `The name ${quoted(file)} does not tell the format of the file`, {
    help: 'Let it end in .csv or .ndjson, or write `format: csv` or `format: ndjson`.',
  })
}

function compileFile(source: string, { roots, zone }: ActionContext): Result<Template<Scope>> {
  const compiled = compileText(source, roots, 'file', { zone })
  if (!compiled.ok) return compiled
  // A stand-in for every value shows what is wrong with the parts that never change.
  const example = splitTemplate(source)
    .map(({ kind, text }) => (kind === 'literal' ? text : 'x'))
    .join('')
  const fault = logFileNameFault(example)
  if (fault === null) return compiled
  const help = 'Write a name inside the log directory, such as sensors.csv or sensors/{{ device }}.csv.'
  return {
    ok: false,
    problems: [problem('log-file-name', [], `The log file ${quoted(source)} ${fault}`, { help })],
  }
}

function renderFile(template: Template<Scope>, scope: Scope, nowMs: number): Rendered {
  const rendered = template.render(scope, nowMs)
  const fault = rendered.ok ? logFileNameFault(rendered.text) : null
  return fault === null ? rendered : { ok: false, reason: 'invalid', message: `the log file's name ${fault}` }
}

function cancelled({ reason, message }: Cancelled): { ok: false; cancelled: Cancelled } {
  return { ok: false, cancelled: { reason, message } }
}
