/**
 * The heart: what an event does to the state, and what follows from it. `prepare` has said which slices it needs;
 * `step` reads them through the draft and gathers what is decided in the outcome. It neither reads a clock nor does
 * I/O: the same inputs give the same outputs.
 */
import type { AlertingEvent } from './alerts/events.ts'
import { isOwnAlert } from './alerts/own-alerts.ts'
import { alertingEvent, stepAlerting } from './alerts/step-alerting.ts'
import { acknowledge } from './commands/acknowledge.ts'
import { isCommandsSlice } from './commands/command-state.ts'
import { issue } from './commands/issue.ts'
import { timeOut } from './commands/time-out.ts'
import type { TimerEvent } from './event.ts'
import { linkData, linkSliceId, linkWentDown, linkWentUp } from './link.ts'
import type { Message } from './message.ts'
import type { Outcome } from './outcome.ts'
import type { Prepared, PreparedRequest } from './prepare.ts'
import type { Program } from './program.ts'
import type { JoinSource, Refusal } from './rules/compiled-rule.ts'
import { expectKey, onMessage, onTimer } from './rules/evaluate.ts'
import { guarded } from './rules/guarded.ts'
import { removeJoin, updateJoin } from './rules/join-state.ts'
import { forget } from './rules/keep-state.ts'
import type { RuleState } from './rules/rule-state.ts'
import { sliceIdParts } from './state.ts'
import type { StepContext } from './step-context.ts'

/** The timers of a rule that is left alone are looked at again so often. */
const quarantineRecheckMs = 60_000

export function step(program: Program, prepared: Prepared, context: StepContext): void {
  const { event } = prepared
  const { draft, outcome } = context
  const alerting = alertingEvent(event)
  if (alerting !== null) {
    guardedAlerting(program, alerting, context)
    return
  }
  switch (event.type) {
    case 'message': {
      outcome.notices.push(...prepared.notices)
      if (prepared.deadLetter !== null) outcome.deadLetters.push(prepared.deadLetter)
      // Before the rules: what they command now is not acknowledged by the message that caused it.
      if (prepared.ack !== null) acknowledge(event.message, prepared.ack, program.rule, context)
      if (prepared.joins.length === 0 && prepared.rules.length === 0 && prepared.request === null) return
      const link = linkData(draft.read(linkSliceId(event.message.broker))?.data)
      for (const join of prepared.joins) {
        updateJoin(join.source, join.captures, event.message, join.payload, link, context)
      }
      for (const { rule, input } of prepared.rules) {
        const ran = guarded(rule, context, () => onMessage(rule, input, link, context))
        if (!ran && rule.answers !== null) outcome.refusals.push(ruleFailed)
      }
      if (prepared.request !== null) refuseUnanswered(prepared.request, event.message, outcome)
      return
    }
    case 'timer': {
      const slice = draft.read(event.slice)
      if (slice === undefined) return
      if (isCommandsSlice(event.slice)) {
        timeOut(event.slice, program.rule, context)
        return
      }
      const join = joinOf(program, event.slice)
      if (join !== null) {
        removeJoin(join, event.slice, context)
        return
      }
      if (isJoin(event.slice)) {
        // No rule looks at it any more.
        draft.remove(event.slice)
        return
      }
      const rule = program.rule(ruleIdOf(event.slice))
      // A state whose rule is gone waits, without a timer, to be forgotten by the reload that removed the rule.
      if (rule === undefined) {
        draft.write(slice.id, slice.data)
        return
      }
      const link = linkData(draft.read(linkSliceId(rule.definition.broker))?.data)
      if (guarded(rule, context, () => onTimer(rule, event.slice, link, context))) return
      draft.write(slice.id, slice.data, context.nowMs + quarantineRecheckMs)
      return
    }
    case 'link': {
      const id = linkSliceId(event.broker)
      const link = linkData(draft.read(id)?.data)
      const atMs = event.atMs ?? context.nowMs
      const next = event.online ? linkWentUp(link, atMs, event.newSession) : linkWentDown(link, atMs)
      if (next !== link) draft.write(id, next)
      return
    }
    case 'expect': {
      const rule = program.rule(event.rule)
      if (rule === undefined) return
      const link = linkData(draft.read(linkSliceId(rule.definition.broker))?.data)
      for (const parts of rule.expected) expectKey(rule, parts, link, context)
      return
    }
    case 'command':
      issue(event, context)
      return
    case 'keep':
      draft.write(event.slice, event.data)
      return
    case 'drop':
      for (const id of event.slices) draft.remove(id)
      return
    case 'oversized':
      outcome.deadLetters.push({
        broker: event.message.broker,
        topic: event.message.topic,
        payload: event.message.payload,
        reason: 'too-large',
        message: `The message of ${event.sizeBytes} bytes is larger than is taken in.`,
        rules: [],
        atMs: context.nowMs,
      })
      return
    case 'forget': {
      const slice = draft.read(event.slice)
      if (slice === undefined) return
      const state = slice.data as RuleState
      const ruleId = ruleIdOf(event.slice)
      if (state.phase !== 'inactive') {
        const names = program.rule(ruleId)?.key.names ?? state.key.map((_, index) => String(index + 1))
        outcome.transitions.push({
          rule: ruleId,
          key: Object.fromEntries(names.map((name, index) => [name, state.key[index] ?? ''])),
          episode: state.episode,
          from: state.phase,
          to: 'inactive',
          atMs: context.wallMs,
          because: event.reason,
        })
      }
      if (outcome.followsAlerts && state.phase !== 'inactive') {
        outcome.followUps.push({
          type: 'alert',
          rule: ruleId,
          key: state.key,
          named: {},
          change: 'ended',
          texts: null,
          policy: 'none',
          because: event.reason,
        })
      }
      forget(ruleId, event.slice, context)
      return
    }
  }
}

/** What throws here would throw again with every try: it is taken back and told, and its timer looks again later. */
function guardedAlerting(program: Program, event: AlertingEvent | TimerEvent, context: StepContext): void {
  const { draft, outcome } = context
  draft.mark()
  const planned = outcome.mark()
  const hasAlerts = (rule: string) => isOwnAlert(rule) || (program.rule(rule)?.alert ?? null) !== null
  try {
    stepAlerting(program.alerting, hasAlerts, event, context)
  } catch (error) {
    draft.rollback()
    outcome.rollback(planned)
    const message = error instanceof Error ? error.message : String(error)
    outcome.notices.push({ kind: 'alert-failed', rule: '', message: `${event.type}: ${message}` })
    const slice = event.type === 'timer' ? draft.read(event.slice) : undefined
    if (slice !== undefined) draft.write(slice.id, slice.data, context.nowMs + quarantineRecheckMs)
  }
}

const ruleFailed: Refusal = {
  code: 'failed',
  message: 'The rule that answers has failed: see the log of Tocsin.',
}

const notAnswered: Refusal = { code: 'not-answered', message: 'No rule answers this request.' }

/** Rather than to leave the requester waiting, it is told why no rule has answered. */
function refuseUnanswered(request: PreparedRequest, message: Message, outcome: Outcome): void {
  const [first] = outcome.refusals.splice(0)
  if (outcome.isAnswered) return
  const refusal = request.refusal ?? first ?? notAnswered
  const { effects, unanswered } = request.plan.refuse(message, request.payload, refusal)
  outcome.effects.push(...effects)
  outcome.notices.push(
    unanswered === null
      ? { kind: 'request-refused', rule: request.rule, message: `${refusal.code}: ${refusal.message}` }
      : { kind: 'request-unanswerable', rule: request.rule, message: unanswered },
  )
}

export function ruleIdOf(slice: string): string {
  return sliceIdParts(slice)[1] ?? ''
}

function isJoin(slice: string): boolean {
  return sliceIdParts(slice)[0] === 'join'
}

export function joinOf(program: Program, slice: string): JoinSource | null {
  const [kind, source] = sliceIdParts(slice)
  return kind === 'join' && source !== undefined ? (program.join(source) ?? null) : null
}
