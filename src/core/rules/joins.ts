/** `with`: values from other topics and from tables, planned at load. */
import { UNKNOWN } from '../conditions/unknown.ts'
import { type Problem, problem, under } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { parseFilter } from '../topics/filter.ts'
import type { JoinSource, WithPlan } from './compiled-rule.ts'
import type { ExpressionSource, RuleDefinition, Table, WithDefinition } from './definition.ts'
import type { Scope } from './scope.ts'
import { compileSource } from './source.ts'

export interface JoinEnvironment {
  readonly decoders: ReadonlySet<string>
  readonly tables: ReadonlyMap<string, Table>
}

export function planWith(
  definition: RuleDefinition,
  captureNames: readonly (string | null)[],
  roots: Roots<Scope>,
  environment: JoinEnvironment,
  problems: Problem[],
): WithPlan[] {
  const plans: WithPlan[] = []
  for (const [name, entry] of Object.entries(definition.with ?? {})) {
    const plan =
      'topic' in entry
        ? planTopic(name, entry, definition, captureNames, environment, problems)
        : planTable(name, entry, roots, environment, problems)
    if (plan !== null) plans.push(plan)
  }
  return plans
}

function planTopic(
  name: string,
  entry: Extract<WithDefinition, { topic: string }>,
  definition: RuleDefinition,
  captureNames: readonly (string | null)[],
  environment: JoinEnvironment,
  problems: Problem[],
): WithPlan | null {
  const parsed = parseFilter(entry.topic)
  if (!parsed.ok) {
    problems.push(...under(['with', name, 'topic'], parsed.problems))
    return null
  }
  const decode = entry.decode ?? 'auto'
  if (!environment.decoders.has(decode)) {
    problems.push(
      unknownName('rule-unknown-decoder', ['with', name, 'decode'], 'decoder', decode, environment.decoders),
    )
    return null
  }
  const filter = parsed.value
  const shared: number[] = []
  const captures: number[] = []
  const items: { index: number; name: string }[] = []
  filter.captures.forEach((capture, index) => {
    const ruleIndex = capture.name === null ? -1 : captureNames.indexOf(capture.name)
    if (ruleIndex >= 0) {
      shared.push(index)
      captures.push(ruleIndex)
    } else items.push({ index, name: capture.name ?? String(index + 1) })
  })
  const sharedNames = shared.map((index) => filter.captures[index]?.name).join(',')
  const source: JoinSource = {
    id: `${definition.broker}|${filter.source}|${sharedNames}|${decode}`,
    broker: definition.broker,
    filter,
    qos: definition.qos,
    decode,
    shared,
    items,
  }
  return { kind: 'topic', name, source, captures, maxAgeMs: entry.max_age ?? null }
}

function planTable(
  name: string,
  entry: Extract<WithDefinition, { table: string }>,
  roots: Roots<Scope>,
  environment: JoinEnvironment,
  problems: Problem[],
): WithPlan | null {
  const table = environment.tables.get(entry.table)
  if (table === undefined) {
    const known = new Set(environment.tables.keys())
    problems.push(unknownName('rule-unknown-table', ['with', name, 'table'], 'table', entry.table, known))
    return null
  }
  const fallback = Object.hasOwn(table, 'default') ? table.default : undefined
  const rows = new Map<string, unknown>()
  for (const [row, values] of Object.entries(table)) rows.set(row, { ...fallback, ...values })
  const find = (row: string): unknown => rows.get(row) ?? fallback
  if (entry.row === undefined) return { kind: 'table', name, row: (_scope, key) => find(key.join('/')) }
  const compiled = compileSource(entry.row as ExpressionSource, roots)
  if (!compiled.ok) {
    problems.push(...under(['with', name, 'row'], compiled.problems))
    return null
  }
  const { run } = compiled.value
  return {
    kind: 'table',
    name,
    row(scope) {
      const row = run(scope)
      return row === UNKNOWN || row === null || typeof row === 'object' ? fallback : find(String(row))
    },
  }
}

/** The problem of a name that nothing defines, with the names there are. */
export function unknownName(
  code: 'rule-unknown-broker' | 'rule-unknown-decoder' | 'rule-unknown-table' | 'rule-unknown-calendar',
  path: (string | number)[],
  what: string,
  name: string,
  known: ReadonlySet<string>,
): Problem {
  const names = [...known].slice(0, 20)
  return problem(code, path, `There is no ${what} named "${name}".`, {
    help: names.length === 0 ? `Define it, or name none.` : `There is: ${names.join(', ')}.`,
  })
}
