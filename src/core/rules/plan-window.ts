/** The window of a rule: what it gathers, and which of its aggregates are looked at. */
import { type Problem, problem } from '../problem.ts'
import type { Evaluate, WindowPlan } from './compiled-rule.ts'
import type { RuleDefinition } from './definition.ts'

export function planWindow(
  definition: RuleDefinition,
  of: Evaluate | null,
  uses: readonly (readonly (string | number)[])[],
  problems: Problem[],
): WindowPlan | null {
  if (definition.window === undefined) return null
  const reads = uses.filter((path) => path[0] === 'window').map((path) => path[1])
  if (of === null) {
    // Counting needs no quantity; everything else does.
    if (reads.some((name) => name !== 'count')) {
      problems.push(
        problem('rule-conflict', ['window'], 'The window has no quantity to look at.', {
          help: 'Say `value: payload.temperature` (or what it is) in the rule, or `of:` in the window.',
        }),
      )
    }
  }
  for (const name of reads) {
    if (typeof name === 'string' && aggregateNames.has(name)) continue
    problems.push(
      problem('rule-conflict', ['window'], `A window has no "${String(name ?? '')}".`, {
        help: `It has: ${[...aggregateNames].map((known) => `window.${known}`).join(', ')}.`,
      }),
    )
  }
  return {
    overMs: definition.window.over,
    min: definition.window.min,
    of: of ?? (() => 1),
    aggregates: new Set(reads.map(String)),
  }
}

export const aggregateNames: ReadonlySet<string> = new Set([
  'count',
  'min',
  'max',
  'avg',
  'sum',
  'first',
  'last',
  'slope',
  'stddev',
  'p50',
  'p95',
])
