/** A rule that is ready to run: filters parsed, expressions and templates compiled, actions planned. */
import type { Effect } from '../effect.ts'
import type { Filter } from '../topics/filter.ts'
import type { RuleDefinition } from './definition.ts'
import type { Scope } from './scope.ts'

export interface CompiledAction {
  readonly kind: string
  plan(
    scope: Scope,
    nowMs: number,
  ):
    | { ok: true; effects: readonly Effect[] }
    | { ok: false; cancelled: { readonly reason: string; readonly message: string } }
  readonly publishesTo: readonly { readonly broker: string; readonly filter: string }[]
}

export interface CompiledRule {
  readonly id: string
  /** Position in the order of files and lines. */
  readonly order: number
  readonly definition: RuleDefinition
  readonly filters: readonly RuleFilter[]
  /** Names of the captures in the order in which `Scope.captures` holds them; null for an unnamed wildcard. */
  readonly captureNames: readonly (string | null)[]
  /** Whether any expression or template looks at the payload: if not, it is never decoded. */
  readonly needsPayload: boolean
  /** Evaluates `value`; undefined when the rule has none. */
  readonly value: ((scope: Scope) => unknown) | null
  /** Evaluates `when`; null when the rule runs on every message. Yields a value or UNKNOWN. */
  readonly when: ((scope: Scope) => unknown) | null
  readonly then: readonly CompiledAction[]
  readonly resolved: readonly CompiledAction[]
}

export interface RuleFilter {
  readonly filter: Filter
  /** For each of the rule's captures, its index among this filter's own captures. */
  readonly captureOrder: readonly number[]
}
