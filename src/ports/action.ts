/** Something a rule does. An action is compiled once at load and then plans effects; it never carries them out. */
import type { z } from 'zod'
import type { PlannedEffect } from '../core/effect.ts'
import type { Result } from '../core/problem.ts'
import type { Roots } from '../core/roots.ts'
import type { CompiledAction, Refusal } from '../core/rules/compiled-rule.ts'
import type { Scope } from '../core/rules/scope.ts'

export interface ActionContext {
  /** Id of the rule. */
  readonly rule: string
  /** The variables of the rule. */
  readonly roots: Roots<Scope>
  /** Names of `#name` captures: bare in a topic template they keep their levels. */
  readonly keepLevels: ReadonlySet<string>
  /** Configured broker names, and the one the rule listens on. */
  readonly brokers: ReadonlySet<string>
  readonly ruleBroker: string
  /** Plain filters of the topics that the rule listens to. */
  readonly topics: readonly string[]
  /** Names of the brokers that are configured to speak MQTT 3.1.1; none unless given. */
  readonly mqtt311?: ReadonlySet<string> | undefined
  /** Names of the receivers that are configured. */
  readonly receivers: ReadonlySet<string>
  /** Plain filters of the topics where answers to requests may go. */
  readonly respondTo: readonly string[]
  /** IANA time zone for dates in texts. */
  readonly zone: string
}

/**
 * Why an action did nothing: its topic, file or recipient lacked a value, a limit was passed, or (`loop`) the
 * message goes round in a circle: it is kept as a dead letter then.
 */
export interface Cancelled {
  readonly reason: 'missing' | 'invalid' | 'limit' | 'loop'
  readonly message: string
}

/** What a compiled action is, all but its name, is told in the core. */
export interface PlannedAction extends Omit<CompiledAction, 'kind' | 'plan'> {
  /** Variable paths that its templates read, e.g. `['payload', 'temperature']`: what is not used is not computed. */
  readonly uses: readonly (readonly (string | number)[])[]
  /** Pure: the same scope and time give the same effects. */
  plan(
    scope: Scope,
    nowMs: number,
  ): { ok: true; effects: readonly PlannedEffect[] } | { ok: false; cancelled: Cancelled; refusal?: Refusal }
}

export interface Action<Spec = unknown> {
  readonly name: string
  /** One line for the docs and the schema. */
  readonly description: string
  readonly schema: z.ZodType<Spec>
  compile(spec: Spec, context: ActionContext): Result<PlannedAction>
}
