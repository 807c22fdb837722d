/** Compiles rules for tests from the parts that matter there, with the real actions and their schemas. */
import { actions } from '../../src/actions/index.ts'
import { makeCalendar } from '../../src/core/calendar.ts'
import { compileRule, type RuleEnvironment } from '../../src/core/rules/compile.ts'
import type { CompiledRule } from '../../src/core/rules/compiled-rule.ts'
import type { ActionDefinition, RuleDefinition, Table } from '../../src/core/rules/definition.ts'
import { findZone } from '../../src/core/zone.ts'
import { decoders } from '../../src/decoders/index.ts'

type WrittenAction = Readonly<Record<string, unknown>>

/** As in a file, but with durations in milliseconds; what is left out has the file's defaults. */
export interface RuleParts extends Partial<Omit<RuleDefinition, 'topic' | 'then' | 'resolved'>> {
  readonly topic: string | readonly string[]
  readonly then?: readonly WrittenAction[]
  readonly resolved?: readonly WrittenAction[]
}

export interface Surroundings {
  readonly brokers?: readonly string[]
  readonly tables?: Readonly<Record<string, Table>>
}

/** The rules, in order; throws when one has a problem. Without `then` a rule writes a log. */
export function compileRules(parts: readonly RuleParts[], surroundings: Surroundings = {}): CompiledRule[] {
  const environment = environmentOf(surroundings)
  return parts.map((part, order) => {
    const { rule, problems } = compileRule(definitionOf(part, order), order, environment)
    if (rule === null) throw new Error(problems.map(({ message }) => message).join('; '))
    return rule
  })
}

export function definitionOf(part: RuleParts, order = 0): RuleDefinition {
  const { topic, then, resolved, ...rest } = part
  const isIdle = then === undefined && resolved === undefined && part.alert === undefined
  return {
    id: `rule-${order + 1}`,
    enabled: true,
    broker: 'default',
    qos: 1,
    decode: 'auto',
    max_keys: 10_000,
    ...rest,
    topic: typeof topic === 'string' ? [topic] : topic,
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    then: (isIdle ? [{ log: { file: 'all.csv' } }] : (then ?? [])).map(actionOf),
    resolved: (resolved ?? []).map(actionOf),
  }
}

function actionOf(written: WrittenAction): ActionDefinition {
  const [kind] = Object.keys(written)
  const action = actions.find(({ name }) => name === kind)
  if (action === undefined) throw new Error(`there is no action ${kind}`)
  return { kind: action.name, spec: action.schema.parse(written[action.name]) }
}

export function environmentOf({
  brokers = ['default', 'cloud'],
  tables = {},
}: Surroundings): RuleEnvironment {
  const zone = findZone('UTC')
  if (zone === null) throw new Error('the platform has no time zones')
  const allDay = { days: [0, 1, 2, 3, 4, 5, 6], fromMinute: 0, toMinute: 1440, zone: 'UTC' }
  const known = new Set(brokers)
  const receivers = new Set(['email', 'sms', 'manager', 'chat'])
  return {
    brokers: known,
    decoders: new Set(decoders.map(({ name }) => name)),
    tables: new Map(Object.entries(tables)),
    calendars: new Map([['always', makeCalendar(allDay, zone)]]),
    zone,
    compileAction({ kind, spec }, { roots, keepLevels, broker, id, topics }) {
      const action = actions.find(({ name }) => name === kind)
      if (action === undefined) throw new Error(`there is no action ${kind}`)
      const surroundings = { brokers: known, receivers, respondTo: ['response/#'], zone: 'UTC' }
      return action.compile(spec, {
        ...surroundings,
        rule: id,
        ruleBroker: broker,
        topics,
        roots,
        keepLevels,
      })
    },
  }
}
