/** Looks over a whole rule set, before it runs, for what no single rule shows: loops, duplicates, dead conditions. */
import type { Problem } from '../problem.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import { lintAnswers } from './answers.ts'
import { lintConditions } from './conditions.ts'
import { lintDuplicates } from './duplicates.ts'
import { lintLoops } from './loops.ts'

/** A problem of one rule: `order` is the rule's own, the problem's path is relative to the rule. */
export interface RuleProblem {
  readonly order: number
  readonly problem: Problem
}

/** `rules` are those that will run together; what is not enabled is not given. In the order of the rules. */
export function lintRules(rules: readonly CompiledRule[]): readonly RuleProblem[] {
  const found = [
    ...lintLoops(rules),
    ...rules.flatMap((rule) =>
      [...lintConditions(rule), ...lintAnswers(rule)].map((problem) => ({ order: rule.order, problem })),
    ),
    ...lintDuplicates(rules),
  ]
  return found.sort((a, b) => a.order - b.order)
}
