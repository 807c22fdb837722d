/** Before an event is stepped: which slices it needs, and for a message which rules it meets and what they see of it. */
import { alertingEvent, alertingNeeds } from './alerts/step-alerting.ts'
import { ackNeeds, type PreparedAck } from './commands/acknowledge.ts'
import type { AckSource } from './commands/command-plan.ts'
import { isCommandsSlice } from './commands/command-state.ts'
import { commandNeeds } from './commands/issue.ts'
import { commandsTimerNeeds } from './commands/time-out.ts'
import { DecodeOnce } from './decode-once.ts'
import type { Event, MessageEvent } from './event.ts'
import { linkSliceId } from './link.ts'
import type { DeadLetter } from './outcome.ts'
import type { Program, Target } from './program.ts'
import type { AnswerPlan, CompiledRule, JoinSource, Refusal } from './rules/compiled-rule.ts'
import { type RuleInput, ruleSliceId } from './rules/evaluate.ts'
import { joinCountSliceId, joinSliceFor, joinSliceOf } from './rules/join-state.ts'
import { capturesOf } from './rules/rule-scope.ts'
import type { RuleState } from './rules/rule-state.ts'
import type { Scope } from './rules/scope.ts'
import { keyCountSliceId, type Slice, type SliceReader } from './state.ts'
import { joinOf, ruleIdOf } from './step.ts'
import type { StepContext } from './step-context.ts'

/** Key parts longer than this together are refused: ids and texts are made of them. */
export const keyLengthLimit = 1_024

/** How acknowledgements of commands are read. */
const ackDecoder = 'auto'

/** An event with all that could be worked out before its slices were loaded. */
export interface Prepared {
  readonly event: Event
  /** Ids of the slices that the step will read. */
  readonly needs: readonly string[]
  readonly joins: readonly PreparedJoin[]
  readonly rules: readonly PreparedRule[]
  /** Given when commands may be acknowledged by the message. */
  readonly ack: PreparedAck | null
  readonly notices: readonly StepNotice[]
  readonly deadLetter: DeadLetter | null
  /** Given when the message is a request that rules may answer. */
  readonly request: PreparedRequest | null
}

export interface PreparedRequest {
  readonly rule: string
  readonly plan: AnswerPlan
  readonly payload: unknown
  /** Why no rule could even look at it. */
  readonly refusal: Refusal | null
}

interface PreparedJoin {
  readonly source: JoinSource
  readonly captures: readonly string[]
  readonly payload: unknown
}

interface PreparedRule {
  readonly rule: CompiledRule
  readonly input: RuleInput
}

type RuleTarget = Extract<Target, { kind: 'rule' }>

type StepNotice = StepContext['outcome']['notices'][number]

const nothing: readonly never[] = []

/**
 * Timer and forget events look at their own slice while preparing, because the slice says which others are
 * needed: load it first.
 */
export function prepare(program: Program, event: Event, read: SliceReader, nowMs: number): Prepared {
  const alerting = alertingEvent(event)
  if (alerting !== null) return plain(event, alertingNeeds(program.alerting, alerting, read, nowMs))
  switch (event.type) {
    case 'message':
      return prepareMessage(program, event, nowMs)
    case 'timer':
      return plain(event, timerNeeds(program, event.slice, read))
    case 'link':
      return plain(event, [linkSliceId(event.broker)])
    case 'expect': {
      const rule = program.rule(event.rule)
      if (rule === undefined) return plain(event, nothing)
      const keys = rule.expected.map((parts) => ruleSliceId(rule, parts))
      const joined = rule.expected.flatMap((parts) => joinNeeds(rule, capturesOf(rule, parts)))
      return plain(event, [...keys, ...joined, rule.keyCountId, linkSliceId(rule.definition.broker)])
    }
    case 'command':
      return plain(event, commandNeeds(event))
    case 'keep':
      return plain(event, [event.slice])
    case 'drop':
      return plain(event, event.slices)
    case 'oversized':
      return plain(event, nothing)
    case 'forget':
      return plain(event, [event.slice, keyCountSliceId(ruleIdOf(event.slice))])
    default:
      return plain(event, nothing)
  }
}

function plain(event: Event, needs: readonly string[]): Prepared {
  return {
    event,
    needs,
    joins: nothing,
    rules: nothing,
    ack: null,
    notices: nothing,
    deadLetter: null,
    request: null,
  }
}

function prepareMessage(program: Program, event: MessageEvent, nowMs: number): Prepared {
  const { message } = event
  const matches = program.match(message.broker, message.topic)
  if (matches.length === 0) return plain(event, nothing)
  const needs: string[] = []
  const joins: PreparedJoin[] = []
  const rules: PreparedRule[] = []
  const notices: StepNotice[] = []
  const failures = new DecodeOnce(program, message.payload)
  let lastRule: CompiledRule | null = null
  let request: PreparedRequest | null = null
  let ack: PreparedAck | null = null
  const prepareAck = ({ idsAt, filter }: AckSource) => {
    // A device that is known by its correlation data may answer with any bytes.
    const mayBeBytes = idsAt.length > 0 && idsAt.every((place) => place === 'correlation_data')
    const decoded = failures.decode(ackDecoder, mayBeBytes ? null : filter.source)
    if (ack === null) needs.push(...ackNeeds(message))
    ack = { idsAt: [...(ack?.idsAt ?? []), ...idsAt], payload: decoded.ok ? decoded.value : undefined }
  }
  const prepareRule = ({ rule, captureOrder }: RuleTarget, captures: readonly string[]) => {
    const decoded = rule.needsPayload ? failures.decode(rule.definition.decode, rule.id) : nothingDecoded
    // Retained requests are old ones: nobody waits for their answers.
    const plan = message.retain ? null : rule.answers
    const ask = (payload: unknown, refusal: Refusal | null) => {
      if (plan === null || (request !== null && request.refusal === null)) return
      request = { rule: rule.id, plan, payload, refusal }
    }
    if (!decoded.ok) {
      const { reason, message: fault } = decoded.failure
      return ask(undefined, {
        code: reason === 'too-large' ? 'too-large' : 'bad-request',
        message: `${fault}.`,
      })
    }
    const ordered = captureOrder === null ? captures : captureOrder.map((index) => captures[index] ?? '')
    const input = inputOf(rule, event, decoded.value, ordered, nowMs, notices)
    if (input === null) {
      const fault = `The rule cannot use it: ${notices.at(-1)?.message ?? 'its key is missing'}.`
      return ask(decoded.value, { code: 'bad-request', message: fault })
    }
    ask(decoded.value, null)
    rules.push({ rule, input })
    if (input.keyed !== null) needs.push(input.keyed.slice, rule.keyCountId)
    if (rule.joins.length > 0) needs.push(...joinNeeds(rule, ordered))
  }
  for (const { value: target, captures } of matches) {
    const of = target.kind === 'rule' ? target.rule.id : target.source.filter.source
    // Several topics of one rule may match the same message; it runs once. Matches of a rule stand together.
    if (target.kind === 'rule' && target.rule === lastRule) continue
    if (target.kind === 'rule') lastRule = target.rule
    try {
      if (target.kind === 'join') prepareJoin(target.source, captures, failures, joins, needs)
      else if (target.kind === 'ack') prepareAck(target.source)
      else prepareRule(target, captures)
    } catch (error) {
      // What throws here hurts only itself, as in a step: else the same message would come back for ever.
      const message = error instanceof Error ? error.message : String(error)
      notices.push({ kind: 'rule-failed', rule: of, message })
    }
  }
  if (needs.length > 0) needs.push(linkSliceId(message.broker))
  const deadLetter = failures.deadLetter(event, nowMs)
  return { event, needs, joins, rules, ack, notices, deadLetter, request }
}

function prepareJoin(
  source: JoinSource,
  captures: readonly string[],
  failures: DecodeOnce,
  joins: PreparedJoin[],
  needs: string[],
): void {
  const decoded = failures.decode(source.decode, source.filter.source)
  if (!decoded.ok) return
  joins.push({ source, captures, payload: decoded.value })
  needs.push(joinSliceOf(source, captures), joinCountSliceId(source))
}

export const nothingDecoded = { ok: true, value: undefined } as const

function inputOf(
  rule: CompiledRule,
  event: MessageEvent,
  payload: unknown,
  captures: readonly string[],
  nowMs: number,
  notices: StepNotice[],
): RuleInput | null {
  const { message } = event
  if (!rule.stateful && rule.joins.length === 0)
    return { message, payload, captures, keyed: null, key: nothing }
  const scope: Scope = {
    payload,
    bytes: message.payload,
    captures,
    value: undefined,
    topic: message.topic,
    qos: message.qos,
    retain: message.retain,
    properties: message.properties,
    receivedAt: message.receivedAt,
    nowMs,
    prev: undefined,
    window: undefined,
    with: undefined,
  }
  const key = rule.key.read(scope)
  if (!key.ok) {
    if (rule.stateful) {
      notices.push({
        kind: 'key-missing',
        rule: rule.id,
        message: `the key part "${key.missing}" is missing`,
      })
      return null
    }
    return { message, payload, captures, keyed: null, key: nothing }
  }
  const length = key.parts.reduce((sum, part) => sum + part.length, 0)
  if (length > keyLengthLimit) {
    notices.push({
      kind: 'key-too-long',
      rule: rule.id,
      message: `a key of ${length} characters was left out`,
    })
    return null
  }
  const keyed = rule.stateful ? { parts: key.parts, slice: ruleSliceId(rule, key.parts) } : null
  return { message, payload, captures, keyed, key: key.parts }
}

export type Decoded = ReturnType<ReturnType<Program['decode']>>

function timerNeeds(program: Program, id: string, read: SliceReader): readonly string[] {
  if (isCommandsSlice(id)) return commandsTimerNeeds(id)
  const slice: Slice | undefined = read(id)
  const join = joinOf(program, id)
  if (join !== null) return [id, joinCountSliceId(join)]
  const rule = program.rule(ruleIdOf(id))
  if (rule === undefined || slice === undefined) return [id]
  const state = slice.data as RuleState
  const joined = joinNeeds(rule, state.captures ?? capturesOf(rule, state.key))
  return [id, rule.keyCountId, linkSliceId(rule.definition.broker), ...joined]
}

function joinNeeds(rule: CompiledRule, captures: readonly string[]): string[] {
  return rule.joins.flatMap((plan) => (plan.kind === 'topic' ? [joinSliceFor(plan, captures)] : []))
}
