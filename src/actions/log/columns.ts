/** The columns of a log file: what was written in the rule becomes a reader for each column. */
import type { LogEffect, LogValue } from '../../core/effect.ts'
import { bytesToBase64 } from '../../core/json-text.ts'
import { type Path, type Problem, problem, type Result, under } from '../../core/problem.ts'
import { builtInVariables, type Scope } from '../../core/rules/scope.ts'
import { compileValue } from '../../core/templates/compile.ts'
import type { RenderFailed } from '../../core/templates/template.ts'
import { readPath } from '../../core/templates/values.ts'
import { quoted } from '../../core/topics/topic-text.ts'
import type { ActionContext } from '../../ports/action.ts'
import type { LogSpec } from './schema.ts'
import { writtenNumbers } from './written-numbers.ts'

const maxColumns = 200
const maxNameChars = 200

export const defaultColumns: NonNullable<LogSpec['columns']> = ['received_at', 'topic', 'payload']

export interface CompiledColumns {
  readonly names: readonly string[]
  render(
    scope: Scope,
    nowMs: number,
  ): { readonly ok: true; readonly values: readonly LogValue[] } | RenderFailed
  readonly uses: readonly (readonly string[])[]
}

interface Written {
  readonly name: string
  readonly path: Path
  /** The template, or null for a plain name. */
  readonly template: { readonly source: unknown } | null
}

interface Column {
  render(scope: Scope, nowMs: number): { readonly ok: true; readonly value: unknown } | RenderFailed
  readonly uses: readonly (readonly string[])[]
  /** Where in the payload its value stands, when it is a part of it and nothing else. */
  readonly place?: readonly string[]
}

/** Problems carry the path below `columns`. */
export function compileColumns(
  columns: NonNullable<LogSpec['columns']>,
  format: LogEffect['format'] | null,
  context: ActionContext,
): Result<CompiledColumns> {
  const written = writtenColumns(columns)
  const problems = [...checkNames(written), ...checkForm(columns)]
  const compiled: Column[] = []
  for (const { name, path, template } of written) {
    const column = template === null ? namedColumn(name, context) : templateColumn(template.source, context)
    if (column.ok) compiled.push(column.value)
    else problems.push(...under(path, column.problems))
  }
  if (problems.length > 0) return { ok: false, problems }
  const value: CompiledColumns = {
    names: written.map(({ name }) => name),
    render(scope, nowMs) {
      const values: LogValue[] = []
      const written = writtenNumbers(format === 'csv' ? scope.bytes : undefined)
      for (const { render, place } of compiled) {
        const rendered = render(scope, nowMs)
        if (!rendered.ok) return rendered
        const { value } = rendered
        const text = typeof value === 'number' && place !== undefined ? written(place, value) : null
        values.push(text ?? logValue(value))
      }
      return { ok: true, values }
    },
    uses: compiled.flatMap(({ uses }) => uses),
  }
  return { ok: true, value }
}

function writtenColumns(columns: NonNullable<LogSpec['columns']>): Written[] {
  if (!Array.isArray(columns)) return mapped(columns, [])
  return columns.flatMap((item, index) =>
    typeof item === 'string' ? [{ name: item, path: [index], template: null }] : mapped(item, [index]),
  )
}

function mapped(columns: Readonly<Record<string, unknown>>, path: Path): Written[] {
  return Object.entries(columns).map(([name, source]) => ({
    name,
    path: [...path, name],
    template: { source },
  }))
}

/** In other tools a column is `{ name: …, value: … }`; here that would be two columns with these names. */
function checkForm(columns: NonNullable<LogSpec['columns']>): Problem[] {
  if (!Array.isArray(columns)) return []
  return columns.flatMap((item, index) => {
    if (typeof item === 'string' || typeof item.name !== 'string' || item.name.includes('{{')) return []
    const [source, ...others] = Object.entries(item).filter(([key]) => key !== 'name')
    if (source === undefined || others.length > 0 || !sourceKeys.has(source[0])) return []
    const written = typeof source[1] === 'string' ? JSON.stringify(source[1]) : '"{{ … }}"'
    const help = `Write the name before the colon and the value after it: { ${item.name}: ${written} }.`
    const message = `A column is not written with \`name\` and \`${source[0]}\``
    return [problem('log-columns', [index], message, { help })]
  })
}

const sourceKeys: ReadonlySet<string> = new Set(['value', 'template', 'expression', 'expr', 'path', 'field'])

function checkNames(written: readonly Written[]): Problem[] {
  if (written.length === 0) {
    const help = 'Write at least one, or leave `columns` out for received_at, topic and payload.'
    return [problem('log-columns', [], 'There is no column', { help })]
  }
  if (written.length > maxColumns) {
    const help = `At most ${maxColumns} are possible.`
    return [problem('log-columns', [], `There are ${written.length} columns`, { help })]
  }
  const problems: Problem[] = []
  const seen = new Set<string>()
  for (const { name, path } of written) {
    const refuse = (fault: string, help: string) =>
      problems.push(problem('log-columns', path, `The column ${quoted(name)} ${fault}`, { help }))
    if (name.trim() === '') refuse('has no name', 'Give it a name.')
    else if (name.includes('{{'))
      refuse('is a template without a name', 'Write name and template: { celsius: "{{ payload.t }}" }.')
    else if (/[\u0000-\u001f\u007f]/.test(name)) refuse('has a control character in its name', 'Remove it.')
    else if (name.length > maxNameChars)
      refuse(`is longer than ${maxNameChars} characters`, 'Shorten its name.')
    else if (seen.has(name)) refuse('is there twice', 'Give each column a name of its own.')
    seen.add(name)
  }
  return problems
}

/** Variables that are no single value: alone as a column, such as `time`, the payload's own is meant. */
const compoundVariables: ReadonlySet<string> = new Set(['time', 'properties', 'prev', 'window', 'with'])

/** A capture or variable of that name, else the part of the payload: `timestamp`, `payload.t`, `location.room`. */
function namedColumn(name: string, context: ActionContext): Result<Column> {
  const [root = '', ...path] = name.split('.')
  if (name === 'received_at') return readColumn((scope) => receivedAt(scope), ['received_at'])
  const isVariable = path.length > 0 || !compoundVariables.has(name)
  const variable = isVariable ? context.roots.resolve(root) : null
  if (variable !== null) {
    const read = (scope: Scope) => readPath(variable(scope), path)
    return readColumn(read, [root, ...path], root === 'payload' ? path : undefined)
  }
  if (path.length > 0 && builtInVariables.some((variable) => variable === root)) {
    const help = `The rule has no \`${root}\`; add it to the rule, or write payload.${name} for a part of the payload.`
    return {
      ok: false,
      problems: [
        problem('template-unknown-variable', [], `There is no variable ${quoted(root)} here`, { help }),
      ],
    }
  }
  const place = [root, ...path]
  const inPayload = (scope: Scope) => readPath(scope.payload, place)
  const read = name === 'timestamp' ? (scope: Scope) => inPayload(scope) ?? receivedAt(scope) : inPayload
  return readColumn(read, ['payload', ...place], place)
}

function readColumn(
  read: (scope: Scope) => unknown,
  uses: readonly string[],
  place?: readonly string[],
): Result<Column> {
  const column: Column = { render: (scope) => ({ ok: true, value: read(scope) }), uses: [uses] }
  return { ok: true, value: place === undefined ? column : { ...column, place } }
}

/** ISO 8601 in UTC; a record that a timer caused is of the timer's time. */
function receivedAt(scope: Scope): string {
  return new Date(scope.receivedAt ?? scope.nowMs).toISOString()
}

function templateColumn(source: unknown, { roots, zone }: ActionContext): Result<Column> {
  return compileValue(source, roots, { zone })
}

/** Missing is null, bytes are base64, and what JSON cannot say becomes text or null. */
function logValue(value: unknown): LogValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      return Number.isFinite(value) ? value : null
    case 'bigint':
      return String(value)
    case 'object':
      return value instanceof Uint8Array ? bytesToBase64(value) : (value as LogValue)
    default:
      return null
  }
}
