/** What a step works with. */
import type { Outcome } from './outcome.ts'
import type { CompiledRule } from './rules/compiled-rule.ts'
import type { SentLately } from './rules/hops.ts'
import type { Scope } from './rules/scope.ts'
import type { VerdictTally } from './rules/verdict-tally.ts'
import type { Draft } from './state.ts'

/** What a step works with. */
export interface StepContext {
  readonly draft: Draft
  readonly outcome: Outcome
  /** The engine's steady clock, ms. States and timers are kept on it. */
  readonly nowMs: number
  /** The wall clock, ms since the epoch. Calendars and texts go by it. */
  readonly wallMs: number
  /** Rules that have thrown: they are left alone until the rules are loaded again. */
  readonly quarantined: ReadonlySet<string>
  /** Where it is noted which rules come to a verdict; absent: nowhere. */
  readonly verdicts?: VerdictTally
  /** What rules sent lately, to end a circle; absent: nobody asks. */
  readonly sent?: SentLately
  /** Shown what the condition of a rule saw of a message; absent: nobody looks. */
  readonly look?: (rule: CompiledRule, scope: Scope) => void
}
