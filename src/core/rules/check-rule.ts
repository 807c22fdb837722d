/** What is wrong with a rule as a whole: names that nothing has, and keys that make no sense together. */
import { type Path, type Problem, problem } from '../problem.ts'
import type { RuleEnvironment } from './compile.ts'
import type { CompiledAction } from './compiled-rule.ts'
import type { RuleDefinition } from './definition.ts'
import { unknownName } from './joins.ts'

export function checkNames(
  definition: RuleDefinition,
  environment: RuleEnvironment,
  problems: Problem[],
): void {
  if (!environment.brokers.has(definition.broker)) {
    problems.push(
      unknownName('rule-unknown-broker', ['broker'], 'broker', definition.broker, environment.brokers),
    )
  }
  if (!environment.decoders.has(definition.decode)) {
    problems.push(
      unknownName('rule-unknown-decoder', ['decode'], 'decoder', definition.decode, environment.decoders),
    )
  }
  if (definition.during !== undefined && !environment.calendars.has(definition.during)) {
    const known = new Set(environment.calendars.keys())
    problems.push(unknownName('rule-unknown-calendar', ['during'], 'calendar', definition.during, known))
  }
  const expect = definition.absent?.expect
  if (typeof expect === 'string' && !environment.tables.has(expect)) {
    const known = new Set(environment.tables.keys())
    problems.push(unknownName('rule-unknown-table', ['absent', 'expect'], 'table', expect, known))
  }
}

/** Keys that make no sense together, and rules that could never do anything. */
export function checkShape(definition: RuleDefinition, problems: Problem[]): void {
  const conflict = (path: Path, message: string, help: string) =>
    problems.push(problem('rule-conflict', path, message, { help }))
  if (definition.absent !== undefined) {
    for (const name of ['for', 'clear', 'throttle', 'window'] as const) {
      if (definition[name] === undefined) continue
      conflict(
        [name],
        `\`${name}\` does nothing beside \`absent\`.`,
        'Make two rules of it, or remove one of the two.',
      )
    }
  } else if (definition.throttle !== undefined && hasEdges(definition)) {
    conflict(
      ['throttle'],
      '`throttle` is for rules that act on every message; this one acts once per rise.',
      'Remove `throttle`, or the keys that make it act once (alert, for, clear, resolved).',
    )
  }
  if (definition.for !== undefined && definition.when === undefined) {
    conflict(['for'], '`for` holds a condition, but there is no `when`.', 'Add `when`, or remove `for`.')
  }
  if (definition.clear !== undefined && definition.when === undefined) {
    conflict(['clear'], '`clear` ends a condition, but there is no `when`.', 'Add `when`, or remove `clear`.')
  }
  if (definition.then.length + definition.resolved.length === 0 && definition.alert === undefined) {
    problems.push(
      problem('rule-does-nothing', [], `The rule "${definition.id}" has nothing to do.`, {
        help: 'Add `then:` with at least one action, such as `- publish: { topic: …, payload: … }`.',
      }),
    )
  }
}

/** An answer, or a message passed on, is about one message; a change of state has none, or the wrong one. */
export function checkPerMessage(
  definition: RuleDefinition,
  actions: Readonly<Record<'then' | 'resolved', readonly CompiledAction[]>>,
  problems: Problem[],
): void {
  const because = hasEdges(definition)
    ? 'this rule acts when its state changes'
    : definition.absent !== undefined
      ? 'this rule acts when nothing is heard'
      : null
  const answering = actions.then.flatMap(({ answers }, index) => (answers === undefined ? [] : [index]))
  const [, second] = answering
  if (second !== undefined) {
    problems.push(
      problem(
        'rule-conflict',
        ['then', second, 'respond'],
        'A request is answered once, but the rule does it twice.',
        {
          help: 'Remove one of the two `respond`, or make two rules with different `when`.',
        },
      ),
    )
  }
  for (const list of ['then', 'resolved'] as const) {
    actions[list].forEach(({ kind, perMessage }, index) => {
      if (perMessage !== true || (because === null && list === 'then')) return
      problems.push(
        problem('rule-conflict', [list, index, kind], `\`${kind}\` is about one message, but ${because}.`, {
          help: `Give \`${kind}\` a rule of its own, without alert, for, clear, absent and resolved.`,
        }),
      )
    })
  }
}

/** What the forwards of one rule must agree on. */
export function checkForwards(
  definition: RuleDefinition,
  then: readonly CompiledAction[],
  problems: Problem[],
): void {
  const queues = new Map<string, string>()
  then.forEach(({ kind, queue, keepsRetain }, index) => {
    if (keepsRetain === true && definition.retained !== undefined) {
      problems.push(
        problem('rule-conflict', ['retained'], '`retained` does nothing beside `retain: keep`.', {
          help: 'Remove `retained`: what the broker keeps is forwarded as well, once after each start.',
        }),
      )
    }
    if (queue === undefined) return
    const limit = `${queue.max} ${queue.drop}`
    const other = queues.get(queue.broker)
    queues.set(queue.broker, other ?? limit)
    if (other === undefined || other === limit) return
    problems.push(
      problem(
        'rule-conflict',
        ['then', index, kind, 'queue'],
        'Forwards of one rule to one broker share a queue.',
        {
          help: 'Write the same `queue` for both, or make two rules of it.',
        },
      ),
    )
  })
}

function hasEdges(definition: RuleDefinition): boolean {
  return (
    definition.alert !== undefined ||
    definition.for !== undefined ||
    definition.clear !== undefined ||
    definition.resolved.length > 0
  )
}
