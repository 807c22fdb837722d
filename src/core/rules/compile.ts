/** Compiles one rule: what the user wrote becomes filters, closures and plans, or problems with their places. */
import type { Calendar } from '../calendar.ts'
import { UNKNOWN } from '../conditions/unknown.ts'
import { parseDuration } from '../duration.ts'
import { hash32 } from '../hash.ts'
import { type Path, type Problem, problem, type Result, under } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { keyCountSliceId, sliceId } from '../state.ts'
import { compileText } from '../templates/text.ts'
import { parseFilter } from '../topics/filter.ts'
import type { Zone } from '../zone.ts'
import { checkForwards, checkNames, checkPerMessage, checkShape } from './check-rule.ts'
import type {
  AlertPlan,
  CompiledAction,
  CompiledRule,
  DurationOf,
  Evaluate,
  RuleFilter,
  RuleKind,
} from './compiled-rule.ts'
import type {
  ActionDefinition,
  AlertDefinition,
  DurationSource,
  ExpressionSource,
  RuleDefinition,
  Table,
} from './definition.ts'
import { planWith } from './joins.ts'
import { captureKey, writtenKey } from './key.ts'
import { planWindow } from './plan-window.ts'
import { type Scope, scopeRoots } from './scope.ts'
import { compileSource } from './source.ts'

/** What a rule may refer to. */
export interface RuleEnvironment {
  readonly brokers: ReadonlySet<string>
  readonly decoders: ReadonlySet<string>
  readonly tables: ReadonlyMap<string, Table>
  readonly calendars: ReadonlyMap<string, Calendar>
  readonly zone: Zone
  compileAction(action: ActionDefinition, rule: RuleVariables): Result<ActionPlan>
}

/** What an action of the rule can refer to. */
export interface RuleVariables {
  readonly roots: Roots<Scope>
  readonly keepLevels: ReadonlySet<string>
  readonly broker: string
  /** Id of the rule. */
  readonly id: string
  /** The plain filters that it listens to. */
  readonly topics: readonly string[]
}

type ActionPlan = Omit<CompiledAction, 'kind'> & { readonly uses: readonly (readonly (string | number)[])[] }

/** The rule, or null when any problem is an error. Paths are relative to the rule. */
export function compileRule(
  definition: RuleDefinition,
  order: number,
  environment: RuleEnvironment,
): { rule: CompiledRule | null; problems: readonly Problem[] } {
  const problems: Problem[] = []
  const { filters, captureNames, keepLevels } = compileTopics(definition, problems)
  checkNames(definition, environment, problems)
  checkShape(definition, problems)

  const uses: (readonly (string | number)[])[] = []
  const has = {
    value: definition.value !== undefined,
    window: definition.window !== undefined,
    with: definition.with !== undefined,
  }
  const localTime = (atMs: number) => environment.zone.localTime(atMs)
  const allRoots = recording(scopeRoots(captureNames, has, localTime), uses)
  // `value` cannot be made of itself, nor a table's row of what the row is looked up for.
  const valueRoots = recording(
    scopeRoots(captureNames, { ...has, value: false, window: false }, localTime),
    uses,
  )
  const rowRoots = recording(
    scopeRoots(captureNames, { value: false, window: false, with: false }, localTime),
    uses,
  )
  const windowRoots = recording(scopeRoots(captureNames, { ...has, window: false }, localTime), uses)

  const expression = (
    source: ExpressionSource | undefined,
    path: Path,
    roots = allRoots,
  ): Evaluate | null => {
    if (source === undefined) return null
    const compiled = compileSource(source, roots)
    if (!compiled.ok) {
      problems.push(...under(path, compiled.problems))
      return null
    }
    uses.push(...compiled.value.uses)
    return compiled.value.run
  }
  const duration = (source: DurationSource | undefined, path: Path): DurationOf | null => {
    if (source === undefined) return null
    if (typeof source === 'number') return () => source
    const run = expression(source.expression, path)
    return run === null ? null : (scope) => asDuration(run(scope))
  }

  const key =
    definition.key === undefined ? captureKey(captureNames) : writtenKey(definition.key, rowRoots, problems)
  const joins = planWith(definition, captureNames, rowRoots, environment, problems)
  const value = expression(definition.value, ['value'], valueRoots)
  const when = expression(definition.when, ['when'])
  const hold = duration(definition.for, ['for'])
  const clearWhen = expression(definition.clear?.when, ['clear', 'when'])
  const clearHold = duration(definition.clear?.for, ['clear', 'for'])
  const absentFor = duration(definition.absent?.for, ['absent', 'for'])

  const actions = (list: readonly ActionDefinition[], name: 'then' | 'resolved'): CompiledAction[] =>
    list.flatMap((action, index) => {
      const topics = filters.map(({ filter }) => filter.text)
      const variables = { roots: allRoots, keepLevels, broker: definition.broker, id: definition.id, topics }
      const compiled = environment.compileAction(action, variables)
      if (!compiled.ok) {
        problems.push(...under([name, index, action.kind], compiled.problems))
        return []
      }
      uses.push(...compiled.value.uses)
      const { uses: _, ...plan } = compiled.value
      return [{ kind: action.kind, ...plan }]
    })
  const then = actions(definition.then, 'then')
  const resolved = actions(definition.resolved, 'resolved')
  const alert = compileAlert(definition.alert, allRoots, environment.zone, uses, problems)
  const windowOf =
    definition.window?.of === undefined
      ? value === null
        ? null
        : (scope: Scope) => scope.value
      : expression(definition.window.of, ['window', 'of'], windowRoots)
  const window = planWindow(definition, windowOf, uses, problems)
  const expected = expectedKeys(definition, key.names, environment, problems)

  checkPerMessage(definition, { then, resolved }, problems)
  const keepsRetain = then.some((action) => action.keepsRetain === true)
  checkForwards(definition, then, problems)
  if (problems.some((found) => found.severity === 'error')) return { rule: null, problems }
  const roots = new Set(uses.map((path) => path[0]))
  const usesPrev = roots.has('prev')
  const kind: RuleKind =
    definition.absent !== undefined
      ? 'absence'
      : hold !== null || definition.clear !== undefined || alert !== null || definition.resolved.length > 0
        ? 'edges'
        : 'each'
  const stateful = kind !== 'each' || window !== null || usesPrev || definition.throttle !== undefined
  const keyShape = hash32(JSON.stringify([definition.broker, key.names, definition.key ?? null, kind]))
  const rule: CompiledRule = {
    id: definition.id,
    order,
    kind,
    definition,
    filters,
    captureNames,
    needsPayload:
      roots.has('payload') || uses.some((path) => path[0] === 'prev' && path.length > 1 && path[1] !== 'age'),
    key,
    value,
    when,
    hold,
    clearWhen,
    clearHold,
    absentFor,
    expected,
    window,
    usesPrev,
    joins,
    throttleMs: definition.throttle ?? null,
    during: definition.during === undefined ? null : (environment.calendars.get(definition.during) ?? null),
    retained: definition.retained ?? (stateful ? 'process' : 'skip'),
    keepsRetain,
    alert,
    answers: then.find(({ answers }) => answers !== undefined)?.answers ?? null,
    then,
    resolved,
    stateful,
    shape: hash32(
      JSON.stringify([
        definition.decode,
        definition.value,
        definition.when,
        definition.for,
        definition.clear,
        definition.absent?.for,
        definition.window,
        definition.with,
      ]),
    ),
    keyShape,
    statesId: sliceId('rule', definition.id, keyShape.toString(36)),
    keyCountId: keyCountSliceId(definition.id),
  }
  return { rule, problems }
}

/** Parses the topics and brings their captures into one order. */
function compileTopics(definition: RuleDefinition, problems: Problem[]) {
  const filters: RuleFilter[] = []
  let captureNames: readonly (string | null)[] = []
  const keepLevels = new Set<string>()
  definition.topic.forEach((text, index) => {
    const path: Path = definition.topic.length === 1 ? ['topic'] : ['topic', index]
    const parsed = parseFilter(text)
    if (!parsed.ok) {
      problems.push(...under(path, parsed.problems))
      return
    }
    const filter = parsed.value
    const names = filter.captures.map((capture) => capture.name)
    for (const capture of filter.captures) {
      if (capture.kind === '#' && capture.name !== null) keepLevels.add(capture.name)
    }
    if (filters.length === 0) captureNames = names
    const same = names.length === captureNames.length && captureNames.every((name) => names.includes(name))
    if (!same && definition.key === undefined) {
      problems.push(
        problem(
          'rule-captures-differ',
          path,
          `"${text}" does not capture the same levels as "${definition.topic[0]}".`,
          {
            help: 'Give all topics of a rule the same named captures, or say with `key` what one state is about.',
          },
        ),
      )
      return
    }
    filters.push({
      filter,
      captureOrder: captureNames.map((name, at) => (name === null ? at : names.indexOf(name))),
    })
  })
  return { filters, captureNames, keepLevels }
}

function compileAlert(
  alert: AlertDefinition | undefined,
  roots: Roots<Scope>,
  zone: Zone,
  uses: (readonly (string | number)[])[],
  problems: Problem[],
): AlertPlan | null {
  if (alert === undefined) return null
  const text = (source: string, path: Path) => {
    const compiled = compileText(source, roots, 'text', { zone: zone.name })
    if (!compiled.ok) {
      problems.push(...under(path, compiled.problems))
      return null
    }
    uses.push(...compiled.value.uses)
    return compiled.value
  }
  const summary = text(alert.summary, ['alert', 'summary'])
  const description =
    alert.description === undefined ? null : text(alert.description, ['alert', 'description'])
  const labels = Object.entries(alert.labels ?? {}).flatMap(([name, source]) => {
    const value = text(source, ['alert', 'labels', name])
    return value === null ? [] : [{ name, value }]
  })
  return summary === null ? null : { severity: alert.severity, summary, description, labels }
}

/** The names of several parts are written with a slash between them, as the rows of a table are. */
function expectedKeys(
  definition: RuleDefinition,
  partNames: readonly string[],
  environment: RuleEnvironment,
  problems: Problem[],
): (readonly string[])[] {
  const expect = definition.absent?.expect
  if (expect === undefined) return []
  const names = typeof expect === 'string' ? Object.keys(environment.tables.get(expect) ?? {}) : expect
  // The default row is what others fall back on, not a device of its own.
  const keys = names
    .filter((name) => typeof expect !== 'string' || name !== 'default')
    .map((name) => ({ name, parts: partNames.length === 1 ? [name] : name.split('/') }))
  const odd = keys.find(({ parts }) => parts.length !== partNames.length)
  if (odd === undefined) return keys.map(({ parts }) => parts)
  problems.push(
    problem(
      'rule-conflict',
      ['absent', 'expect'],
      `The key "${odd.name}" has ${odd.parts.length} parts, but those of the rule have ${partNames.length}.`,
      {
        help:
          partNames.length === 0
            ? 'One state for all has no names: remove `expect`.'
            : `Write ${partNames.map((name) => `<${name}>`).join('/')}.`,
      },
    ),
  )
  return []
}

function asDuration(value: unknown): number | null {
  if (value === UNKNOWN) return null
  if (typeof value === 'number') return value >= 0 ? value : null
  return typeof value === 'string' ? parseDuration(value) : null
}

/** Notes every variable that is resolved: also those that a computed path reaches, which `uses` cannot list. */
function recording(roots: Roots<Scope>, uses: (readonly (string | number)[])[]): Roots<Scope> {
  return {
    names: () => roots.names(),
    resolve(name) {
      const accessor = roots.resolve(name)
      if (accessor !== null && name !== 'window') uses.push([name])
      return accessor
    },
  }
}
