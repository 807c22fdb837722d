/** What a rule does: its actions are planned, and their effects handed on. */
import { messageEvent } from '../alerts/message.ts'
import type { PlannedEffect } from '../effect.ts'
import type { Outcome } from '../outcome.ts'
import type { StepContext } from '../step-context.ts'
import type { CompiledAction, CompiledRule, Refusal } from './compiled-rule.ts'
import { causedHopsLimit } from './hops.ts'
import type { Scope } from './scope.ts'

/** Carries out actions of the rule. */
export function act(
  rule: CompiledRule,
  actions: readonly CompiledAction[],
  scope: Scope,
  context: StepContext,
): void {
  const goesRound = circleBreaker(rule, scope, context)
  for (const action of actions) {
    if (action.answers !== undefined && context.outcome.isAnswered) {
      notice(context, 'request-answered-already', rule, 'another rule has answered this request')
      continue
    }
    const planned = action.plan(scope, context.wallMs)
    if (planned.ok) {
      for (const effect of planned.effects) if (!goesRound(effect)) carryOut(rule, effect, scope, context)
    } else if (planned.refusal !== undefined) context.outcome.refusals.push(planned.refusal)
    else if (planned.cancelled.reason === 'loop') setAside(rule, planned.cancelled.message, scope, context)
    else notice(context, 'action-cancelled', rule, `${action.kind}: ${planned.cancelled.message}`)
  }
}

/** Notes for the requester why a rule that could have answered does not. */
export function refuse(
  rule: CompiledRule,
  context: StepContext,
  code: Refusal['code'],
  message: string,
): void {
  if (rule.answers !== null) context.outcome.refusals.push({ code, message })
}

/** Tells of each effect whether it is one too many in a circle of messages; what is not is remembered. */
function circleBreaker(rule: CompiledRule, scope: Scope, context: StepContext) {
  let hops: number | null = null
  return (effect: PlannedEffect): boolean => {
    const { sent, nowMs } = context
    const { topic, bytes } = scope
    if (sent === undefined || bytes === undefined || topic === undefined || effect.kind !== 'publish')
      return false
    // Looked up once: what is sent may equal what came.
    hops ??= sent.hopsOf(rule.definition.broker, topic, bytes, nowMs)
    const { broker, message } = effect
    if (hops <= causedHopsLimit) {
      sent.note(broker, message.topic, message.payload, hops, nowMs)
      return false
    }
    const why = `rules have caused each other's messages more than ${causedHopsLimit} times in a row`
    notice(context, 'looped', rule, `not sent to ${message.topic}: ${why}`)
    return true
  }
}

/** A message that goes round in a circle is kept, for somebody to find out where. */
function setAside(rule: CompiledRule, message: string, scope: Scope, context: StepContext): void {
  notice(context, 'too-many-hops', rule, message)
  context.outcome.deadLetters.push({
    broker: rule.definition.broker,
    topic: scope.topic ?? '',
    payload: scope.bytes ?? new Uint8Array(),
    reason: 'too-many-hops',
    message,
    rules: [rule.id],
    atMs: context.nowMs,
  })
}

function carryOut(rule: CompiledRule, effect: PlannedEffect, scope: Scope, context: StepContext): void {
  const { effects, followUps, followsAlerts } = context.outcome
  if (effect.kind === 'command') followUps.push({ type: 'command', rule: rule.id, effect })
  else if (effect.kind !== 'notify') effects.push(effect)
  else if (followsAlerts) {
    const of = [rule.id, scope.topic ?? '', ...scope.captures, String(followUps.length)]
    followUps.push(messageEvent(effect, of, rule.alert?.severity ?? 'info', context))
  }
}

export function notice(
  context: StepContext,
  kind: Outcome['notices'][number]['kind'],
  rule: CompiledRule,
  message: string,
): void {
  context.outcome.notices.push({ kind, rule: rule.id, message })
}
