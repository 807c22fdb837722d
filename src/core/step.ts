/**
 * The heart: what an event does to the state, and what follows from it. `prepare` says which slices an event
 * needs; `step` reads them through the draft and gathers what is decided in the outcome. Neither reads a clock
 * or does I/O: the same inputs give the same outputs.
 */
import type { AlertingEvent } from './alerts/events.ts'
import { isOwnAlert } from './alerts/own-alerts.ts'
import { alertingEvent, alertingNeeds, stepAlerting } from './alerts/step-alerting.ts'
import { ackNeeds, acknowledge, type PreparedAck } from './commands/acknowledge.ts'
import type { AckSource } from './commands/command-plan.ts'
import { isCommandsSlice } from './commands/command-state.ts'
import { commandNeeds, issue } from './commands/issue.ts'
import { commandsTimerNeeds, timeOut } from './commands/time-out.ts'
import type { Event, MessageEvent, TimerEvent } from './event.ts'
import { linkData, linkSliceId, linkWentDown, linkWentUp } from './link.ts'
import type { Message } from './message.ts'
import type { DeadLetter, Outcome } from './outcome.ts'
import type { Program, Target } from './program.ts'
import type { AnswerPlan, CompiledRule, JoinSource, Refusal } from './rules/compiled-rule.ts'
import { expectKey, onMessage, onTimer, type RuleInput, ruleSliceId } from './rules/evaluate.ts'
import { guarded } from './rules/guarded.ts'
import { joinCountSliceId, joinSliceFor, joinSliceOf, removeJoin, updateJoin } from './rules/join-state.ts'
import { forget } from './rules/keep-state.ts'
import { capturesOf } from './rules/rule-scope.ts'
import type { RuleState } from './rules/rule-state.ts'
import type { Scope } from './rules/scope.ts'
import { keyCountSliceId, type Slice, type SliceReader, sliceIdParts } from './state.ts'
import type { StepContext } from './step-context.ts'

/** Key parts longer than this together are refused: ids and texts are made of them. */
export const keyLengthLimit = 1_024

/** How acknowledgements of commands are read. */
const ackDecoder = 'auto'

/** The timers of a rule that is left alone are looked at again so often. */
const quarantineRecheckMs = 60_000

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

interface PreparedRequest {
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

// ---- messages

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
    const decoded = failures.decode(ackDecoder, filter.source)
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

const nothingDecoded = { ok: true, value: undefined } as const

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

type Decoded = ReturnType<ReturnType<Program['decode']>>

/** Decodes a payload at most once per decoder, and only when somebody asks. */
class DecodeOnce {
  readonly #program: Program
  readonly #payload: Uint8Array
  /** Nearly always one decoder is asked: its name and result stand here, those of others in the map. */
  #name = ''
  #decoded: Decoded | null = null
  #others: Map<string, Decoded> | null = null
  #failed: string[] | null = null

  constructor(program: Program, payload: Uint8Array) {
    this.#program = program
    this.#payload = payload
  }

  decode(name: string, forWhom: string): Decoded {
    // A zero-byte payload is missing, not an error.
    if (this.#payload.length === 0) return nothingDecoded
    let decoded = name === this.#name ? this.#decoded : (this.#others?.get(name) ?? null)
    if (decoded === null) {
      decoded = this.#program.decode(name)(this.#payload)
      if (this.#decoded === null) {
        this.#name = name
        this.#decoded = decoded
      } else {
        this.#others ??= new Map()
        this.#others.set(name, decoded)
      }
    }
    if (!decoded.ok) {
      this.#failed ??= []
      this.#failed.push(forWhom)
    }
    return decoded
  }

  deadLetter(event: MessageEvent, nowMs: number): DeadLetter | null {
    if (this.#failed === null) return null
    const failure = [this.#decoded, ...(this.#others?.values() ?? [])].find(
      (decoded) => decoded?.ok === false,
    )
    if (failure === undefined || failure === null || failure.ok) return null
    const { broker, topic, payload } = event.message
    const { reason, message } = failure.failure
    return { broker, topic, payload, reason, message, rules: this.#failed, atMs: nowMs }
  }
}

// ---- timers

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

function ruleIdOf(slice: string): string {
  return sliceIdParts(slice)[1] ?? ''
}

function isJoin(slice: string): boolean {
  return sliceIdParts(slice)[0] === 'join'
}

function joinOf(program: Program, slice: string): JoinSource | null {
  const [kind, source] = sliceIdParts(slice)
  return kind === 'join' && source !== undefined ? (program.join(source) ?? null) : null
}
