/** Finds rules that do the same for the same messages, so that everything is done twice. */
import { jsonText } from '../json-text.ts'
import { problem } from '../problem.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import type { ActionDefinition } from '../rules/definition.ts'
import type { RuleProblem } from './lint-rules.ts'

/** Exact duplicates only: the same topics, the same conditions, and an action that is the same to the letter. */
export function lintDuplicates(rules: readonly CompiledRule[]): RuleProblem[] {
  const problems: RuleProblem[] = []
  const first = new Map<string, CompiledRule>()
  for (const rule of rules) {
    const trigger = triggerOf(rule)
    const check = (list: 'then' | 'resolved') => (action: ActionDefinition, index: number) => {
      const key = `${list} ${action.kind} ${jsonText(action.spec)} ${trigger}`
      const other = first.get(key)
      if (other === undefined) {
        first.set(key, rule)
        return
      }
      const message =
        other === rule
          ? `This \`${action.kind}\` is written twice in the rule, so it is done twice.`
          : `The rule "${other.id}" does the same \`${action.kind}\` for the same messages, so it is done twice.`
      problems.push({
        order: rule.order,
        problem: problem('rule-duplicate', [list, index, action.kind], message, {
          help: 'Remove one of the two.',
          severity: 'warning',
        }),
      })
    }
    rule.definition.then.forEach(check('then'))
    rule.definition.resolved.forEach(check('resolved'))
  }
  return problems
}

/** All that decides when a rule acts and what its templates see. */
function triggerOf({ definition, filters }: CompiledRule): string {
  const { id: _, description, enabled, qos, topic, alert, then, resolved, max_keys, ...rest } = definition
  // Whether there is an alert makes the rule act once per rise; what the alert says does not matter here.
  const acts = [alert !== undefined, resolved.length > 0]
  const sources = filters.map(({ filter }) => filter.source).sort()
  return jsonText([sources, acts, Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))])
}
