/** A rule that throws hurts only itself. */

import type { StepContext } from '../step-context.ts'
import type { CompiledRule } from './compiled-rule.ts'

/**
 * Runs what a rule does; what it changed and planned is taken back when it throws. False when it threw, or has
 * thrown before. Ends an earlier mark of the draft.
 */
export function guarded(rule: CompiledRule, context: StepContext, run: () => void): boolean {
  if (context.quarantined.has(rule.id)) return false
  context.draft.mark()
  const planned = context.outcome.mark()
  try {
    run()
    return true
  } catch (error) {
    context.draft.rollback()
    context.outcome.rollback(planned)
    const message = error instanceof Error ? error.message : String(error)
    context.outcome.notices.push({ kind: 'rule-failed', rule: rule.id, message })
    return false
  }
}
