/** What the conditions and texts of a rule see: of a message that came, or of the latest one when a timer runs. */
import { UNKNOWN } from '../conditions/unknown.ts'
import type { StepContext } from '../step-context.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { RuleInput } from './evaluate.ts'
import { readJoin } from './join-state.ts'
import type { PreviousMessage, RuleState } from './rule-state.ts'
import type { Scope } from './scope.ts'
import { addSample, aggregate } from './window.ts'

export function messageScope(
  rule: CompiledRule,
  input: RuleInput,
  context: StepContext,
  state: RuleState | null,
): Scope {
  const { message } = input
  const scope: Scope = {
    payload: input.payload,
    bytes: message.payload,
    captures: input.captures,
    value: undefined,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    properties: message.properties,
    receivedAt: message.receivedAt + context.wallMs - context.nowMs,
    nowMs: context.wallMs,
    prev: previous(state?.prev, context.nowMs),
    window: undefined,
    with: undefined,
  }
  fill(rule, scope, input.key, context)
  return scope
}

/** What the captures were, as far as the key tells: a key that was written says nothing of them. */
export function capturesOf(rule: CompiledRule, key: readonly string[]): readonly string[] {
  return rule.definition.key === undefined ? key : []
}

/** What a timer's texts and conditions see: the latest live message of the key. */
export function timerScope(rule: CompiledRule, state: RuleState, context: StepContext): Scope {
  const last = state.last
  const scope: Scope = {
    payload: last?.payload,
    bytes: undefined,
    captures: state.captures ?? capturesOf(rule, state.key),
    value: undefined,
    topic: last?.topic,
    qos: last?.qos,
    retain: last?.retain,
    properties: last?.properties ?? null,
    receivedAt: last === undefined ? undefined : last.receivedAt + context.wallMs - context.nowMs,
    nowMs: context.wallMs,
    // Silence follows the latest message, so that is the previous one; else it is the one before the latest.
    prev: previous(rule.kind === 'absence' ? state.prev : last?.prev, context.nowMs),
    window: undefined,
    with: undefined,
  }
  fill(rule, scope, state.key, context)
  if (rule.window !== null && state.samples !== undefined) {
    const { samples } = addSample(state.samples, rule.window.overMs, context.nowMs, null)
    scope.window = aggregate(samples, rule.window)
  }
  return scope
}

/** Brings `with` and `value` into the scope. */
function fill(rule: CompiledRule, scope: Scope, key: readonly string[], context: StepContext): void {
  if (rule.joins.length > 0) {
    const joined: Record<string, unknown> = {}
    for (const plan of rule.joins) {
      joined[plan.name] = plan.kind === 'table' ? plan.row(scope, key) : readJoin(plan, scope, context)
    }
    scope.with = joined
  }
  if (rule.value !== null) {
    const value = rule.value(scope)
    scope.value = value === UNKNOWN ? undefined : value
  }
}

function previous(prev: PreviousMessage | undefined, nowMs: number): unknown {
  return prev === undefined ? undefined : { payload: prev.payload, value: prev.value, age: nowMs - prev.atMs }
}
