/** Compiles the gathered rules, and brings the problems of each back to its place in the files. */

import { type Path, type Problem, under } from '../core/problem.ts'
import type { compileRule, RuleEnvironment } from '../core/rules/compile.ts'
import type { CompiledRule } from '../core/rules/compiled-rule.ts'
import type { RuleDefinition } from '../core/rules/definition.ts'
import type { Action, ActionContext } from '../ports/action.ts'
import type { Report, RuleEntry } from './gather.ts'
import type { WrittenRule } from './sections/rule.ts'

export type CompileRule = typeof compileRule

/** Problems that only show when rules are seen together. */
export type LintRules = (
  rules: readonly CompiledRule[],
) => readonly { readonly order: number; readonly problem: Problem }[]

export interface CompiledRules {
  readonly definitions: readonly RuleDefinition[]
  /** Enabled ones only. */
  readonly rules: readonly CompiledRule[]
  /** Also those that are not enabled; null as soon as one could not be compiled. */
  readonly all: readonly CompiledRule[] | null
}

export function compileRules(
  entries: readonly RuleEntry[],
  environment: RuleEnvironment,
  compile: CompileRule,
  lint: LintRules,
  report: Report,
): CompiledRules {
  const definitions: RuleDefinition[] = []
  const rules: CompiledRule[] = []
  const all: CompiledRule[] = []
  const tell = (entry: RuleEntry, problem: Problem) => {
    const path = writtenPath(entry.value, problem.path)
    for (const found of under(entry.path, [{ ...problem, path }])) report(entry.parsed, found)
  }
  entries.forEach((entry, order) => {
    if (entry.value === null) return
    const definition = complete(entry.value, environment.brokers)
    if (definition === null) {
      const names = [...environment.brokers].map((name) => `\`${name}\``).join(', ')
      tell(entry, {
        code: 'config-missing-key',
        message: '`broker` is missing: there are several brokers, and none is named `default`',
        help: `write \`broker:\` with one of ${names}, or name one of them \`default\``,
        path: ['broker'],
        severity: 'error',
      })
      return
    }
    const compiled = compile(definition, order, environment)
    const isLost = !environment.brokers.has(definition.broker)
    for (const problem of compiled.problems) {
      // Actions that publish where the rule listens would say the same once more.
      const isAgain = isLost && problem.code === 'rule-unknown-broker' && problem.path[0] !== 'broker'
      if (!isAgain && !follows(problem, entry.leftOut)) tell(entry, problem)
    }
    if (entry.leftOut.size > 0) return
    definitions.push(definition)
    if (compiled.rule === null) return
    all.push(compiled.rule)
    if (definition.enabled) rules.push(compiled.rule)
  })
  for (const { order, problem } of lint(rules)) {
    const entry = entries[order]
    if (entry !== undefined) tell(entry, problem)
  }
  return { definitions, rules, all: all.length === entries.length ? all : null }
}

/** Whether the problem may only be there because keys of the rule were left out. */
function follows({ code, path }: Problem, leftOut: ReadonlySet<string>): boolean {
  if (leftOut.size === 0) return false
  if (code.endsWith('-unknown-variable')) return [...leftOut].some((key) => key !== 'then')
  return code.startsWith('rule-') && path[0] !== 'broker'
}

/** A rule that names no broker listens to `default`, or to the only one there is. */
function complete(written: WrittenRule, brokers: ReadonlySet<string>): RuleDefinition | null {
  const { respondIndex: _, broker, ...rest } = written
  const [only] = brokers
  const chosen =
    broker ??
    (brokers.has('default') || brokers.size === 0 ? 'default' : brokers.size === 1 ? only : undefined)
  return chosen === undefined ? null : { ...rest, broker: chosen }
}

/** The short form `respond:` became the last action of `then`. */
function writtenPath(rule: WrittenRule | null, path: Path): Path {
  const isRespond = rule !== null && path[0] === 'then' && path[1] === rule.respondIndex
  return isRespond ? path.slice(2) : path
}

/** How rules get their actions compiled. */
export function actionCompiler(
  actions: readonly Action[],
  surroundings: Pick<ActionContext, 'brokers' | 'receivers' | 'zone' | 'respondTo' | 'mqtt311'>,
): RuleEnvironment['compileAction'] {
  const byName = new Map(actions.map((action) => [action.name, action]))
  return (definition, { roots, keepLevels, broker, id, topics }) => {
    const action = byName.get(definition.kind)
    if (action === undefined) throw new Error(`no action is named ${definition.kind}`)
    return action.compile(definition.spec, {
      ...surroundings,
      rule: id,
      ruleBroker: broker,
      topics,
      roots,
      keepLevels,
    })
  }
}
