/**
 * One rule, one key, one event: the condition is evaluated, the state moves, actions are planned. Pure: reads
 * and writes go through the draft, everything else comes in as an argument.
 */
import { messageEvent } from '../alerts/message.ts'
import { sayAlert, sayTexts } from '../alerts/rule-alert.ts'
import { truth, UNKNOWN } from '../conditions/unknown.ts'
import { formatDuration } from '../duration.ts'
import type { PlannedEffect } from '../effect.ts'
import { hearingMs, type LinkSliceData } from '../link.ts'
import type { Message } from '../message.ts'
import type { Outcome } from '../outcome.ts'
import { type Draft, extendSliceId, keyCountSliceId, type Slice } from '../state.ts'
import type { CompiledAction, CompiledRule, Refusal } from './compiled-rule.ts'
import { causedHopsLimit, type SentLately } from './hops.ts'
import { readJoin } from './join-state.ts'
import { keyRecord } from './key.ts'
import {
  emptyState,
  idleMs,
  type Phase,
  type PreviousMessage,
  type RuleState,
  type StoredMessage,
  touchEveryMs,
  type Verdict,
} from './rule-state.ts'
import type { Scope } from './scope.ts'
import type { VerdictTally } from './verdict-tally.ts'
import { addSample, aggregate, type Samples } from './window.ts'

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

/** A message as one rule sees it. */
export interface RuleInput {
  readonly message: Message
  readonly payload: unknown
  readonly captures: readonly string[]
  /** Null when the rule keeps no state. */
  readonly keyed: { readonly parts: readonly string[]; readonly slice: string } | null
  readonly key: readonly string[]
}

export function ruleSliceId(rule: CompiledRule, parts: readonly string[]): string {
  return extendSliceId(rule.statesId, parts)
}

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
function timerScope(rule: CompiledRule, state: RuleState, context: StepContext): Scope {
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

/** A message that the rule matches. */
export function onMessage(
  rule: CompiledRule,
  input: RuleInput,
  link: LinkSliceData,
  context: StepContext,
): void {
  const { message, keyed } = input
  const replay = message.retain && !rule.keepsRetain
  if (replay && (rule.retained === 'skip' || rule.kind === 'absence')) {
    decide(rule, context, 'skipped', 'a retained message, replayed')
    return
  }
  if (keyed === null) {
    const scope = messageScope(rule, input, context, null)
    const verdict = rule.when === null ? true : truth(rule.when(scope))
    context.verdicts?.note(rule.order, verdict !== UNKNOWN, context.nowMs)
    context.look?.(rule, scope)
    each(rule, scope, verdict, context)
    return
  }

  const slice = context.draft.read(keyed.slice)
  const before = slice === undefined ? null : adopt(rule, slice.data as RuleState, context)
  if (before === null && !roomForKey(rule, context)) return
  if (replay && before !== null && before.session === link.session) {
    decide(rule, context, 'skipped', 'a retained message, older than a live one')
    return
  }
  const scope = messageScope(rule, input, context, before)
  // One copy, made here and changed until it is kept: the steps after this replace it.
  const touched: { -readonly [Field in keyof RuleState]: RuleState[Field] } =
    before === null ? emptyState(rule.shape, keyed.parts, context.nowMs) : { ...before }
  touched.touchedMs = context.nowMs
  if (input.captures !== keyed.parts && rule.captureNames.length > 0) touched.captures = input.captures
  if (!replay) touched.session = link.session
  if (rule.window !== null) touched.samples = sample(rule, touched.samples ?? [], replay, scope, context)
  let state: RuleState = touched

  const verdict = rule.when === null ? true : truth(rule.when(scope))
  context.verdicts?.note(rule.order, verdict !== UNKNOWN, context.nowMs)
  context.look?.(rule, scope)
  if (rule.kind === 'each') {
    if (verdict === true && throttled(rule, state, context)) {
      refuse(rule, context, 'busy', `It answers once in ${formatDuration(rule.throttleMs ?? 0)}.`)
      notice(context, 'throttled', rule, `acted less than ${formatDuration(rule.throttleMs ?? 0)} ago`)
      decide(rule, context, 'skipped', 'throttled')
    } else {
      const acts = verdict === true && isOpen(rule, context)
      if (acts && rule.throttleMs !== null) state = { ...state, actedMs: context.nowMs }
      each(rule, scope, verdict, context)
    }
  } else if (rule.kind === 'absence') {
    decide(rule, context, asVerdict(verdict))
    if (verdict === true) state = heard(rule, state, scope, link, context)
  } else {
    decide(rule, context, asVerdict(verdict))
    state = advance(rule, state, verdict, scope, () => stored(message, scope, before?.prev), context)
  }
  if (rule.usesPrev && !replay && (rule.kind !== 'absence' || verdict === true)) {
    state = { ...state, prev: { payload: scope.payload, value: scope.value, atMs: context.nowMs } }
  }
  save(rule, keyed.slice, slice, before, state, link, context)
}

/** The timer of a rule's slice. */
export function onTimer(rule: CompiledRule, id: string, link: LinkSliceData, context: StepContext): void {
  const slice = context.draft.read(id)
  if (slice === undefined) return
  const kept = slice.data as RuleState
  const before = adopt(rule, kept, context)
  const { nowMs } = context
  let state = before
  if (rule.kind === 'absence') state = silence(rule, state, link, context)
  else if (before !== kept || (state.waiting === true && isOpen(rule, context))) {
    state = reconsider(rule, state, context)
  } else if (state.untilMs !== undefined && state.untilMs <= nowMs) {
    // An unknown verdict at the deadline leaves it to the next known one.
    if (state.verdict === 'unknown') state = withoutDeadline(state)
    else if (state.phase === 'clearing') state = fall(rule, state, timerScope(rule, state, context), context)
    else if (state.phase === 'pending') {
      state = isOpen(rule, context)
        ? rise(rule, state, timerScope(rule, state, context), context)
        : { ...move(rule, state, 'inactive', context), waiting: true }
    }
  }
  const expired = isIdle(rule, state) && state.touchedMs + idleAfterMs(rule) <= nowMs
  if (expired) {
    forget(rule.id, id, context)
    return
  }
  save(rule, id, slice, before, state, link, context, true)
}

/** Begins to wait for a key that ought to be heard from. */
export function expectKey(
  rule: CompiledRule,
  parts: readonly string[],
  link: LinkSliceData,
  context: StepContext,
): void {
  const id = ruleSliceId(rule, parts)
  const slice = context.draft.read(id)
  if (slice !== undefined) {
    const known = slice.data as RuleState
    if (known.expected !== true) context.draft.write(id, { ...known, expected: true }, slice.dueMs)
    return
  }
  if (!roomForKey(rule, context)) return
  let state: RuleState = { ...emptyState(rule.shape, parts, context.nowMs), expected: true }
  state = heard(rule, state, timerScope(rule, state, context), link, context)
  save(rule, id, undefined, null, state, link, context)
}

/** Drops a key's state. */
export function forget(ruleId: string, id: string, context: StepContext): void {
  if (context.draft.read(id) === undefined) return
  context.draft.remove(id)
  const countId = keyCountSliceId(ruleId)
  const count = keyCount(context.draft, countId)
  if (count > 1) context.draft.write(countId, { count: count - 1 })
  else context.draft.remove(countId)
}

// ---- the life of a state

/** The rule was edited or its calendar has opened: the condition is evaluated anew, on the latest message. */
function reconsider(rule: CompiledRule, state: RuleState, context: StepContext): RuleState {
  const { last } = state
  if (last === undefined) return { ...state, waiting: false }
  const scope = timerScope(rule, state, context)
  const verdict = state.verdict === 'unknown' ? UNKNOWN : rule.when === null ? true : truth(rule.when(scope))
  return advance(rule, { ...state, waiting: false }, verdict, scope, () => last, context)
}

/** Looks whether the silence has lasted. Nobody is called silent while nothing could be heard. */
function silence(rule: CompiledRule, state: RuleState, link: LinkSliceData, context: StepContext): RuleState {
  if (state.phase !== 'inactive') return state
  const scope = timerScope(rule, state, context)
  // A table may say something else by now.
  const silenceMs = rule.absentFor?.(scope) ?? null
  const latest = silenceMs === null ? state : { ...state, silenceMs }
  if (!link.online || remainingSilenceMs(latest, link, context.nowMs) > 0)
    return { ...latest, waiting: false }
  return isOpen(rule, context)
    ? rise(rule, { ...latest, waiting: false }, scope, context)
    : { ...latest, waiting: true }
}

/** Moves on by a verdict on `when`. `last` gives what timers of the state will see; most messages need none. */
function advance(
  rule: CompiledRule,
  state: RuleState,
  verdict: boolean | typeof UNKNOWN,
  scope: Scope,
  last: () => StoredMessage,
  context: StepContext,
): RuleState {
  switch (state.phase) {
    case 'inactive':
      if (verdict === true) return start(rule, state, scope, last(), context)
      if (verdict === UNKNOWN) return { ...state, verdict: 'unknown' }
      if (state.verdict === 'false' && state.waiting !== true) return withoutLast(state)
      return withoutLast({ ...state, verdict: 'false', waiting: false })
    case 'pending':
      if (verdict === false)
        return withoutLast({ ...move(rule, state, 'inactive', context), verdict: 'false' })
      if (verdict === UNKNOWN) return { ...state, verdict: 'unknown' }
      if (state.untilMs === undefined)
        return start(rule, { ...state, verdict: 'true' }, scope, last(), context, true)
      return { ...state, verdict: 'true', last: last() }
    case 'firing':
    case 'clearing': {
      if (verdict === true) {
        const returns = state.phase !== 'firing' || state.verdict !== 'true'
        const fires: RuleState =
          state.phase === 'firing'
            ? returns
              ? { ...state, verdict: 'true' }
              : state
            : withoutLast({ ...move(rule, state, 'firing', context), verdict: 'true' })
        return sayTexts(rule, fires, 'changed', scope, returns, context)
      }
      if (verdict === false && state.phase === 'firing' && state.verdict === 'true')
        sayAlert(rule, state, 'lapsed', null, context)
      const clear = rule.clearWhen === null ? negate(verdict) : truth(rule.clearWhen(scope))
      if (clear === UNKNOWN) return { ...state, verdict: 'unknown' }
      if (clear === false) {
        return state.phase === 'firing'
          ? { ...state, verdict: 'false' }
          : withoutLast({ ...move(rule, state, 'firing', context), verdict: 'false' })
      }
      if (state.phase === 'clearing' && state.untilMs !== undefined)
        return { ...state, verdict: 'true', last: last() }
      const holdMs = state.phase === 'clearing' || rule.clearHold === null ? 0 : rule.clearHold(scope)
      if (holdMs === null) {
        notice(context, 'duration-missing', rule, '`clear.for` is missing or no duration')
        return state
      }
      if (holdMs === 0) return fall(rule, state, scope, context)
      return {
        ...move(rule, state, 'clearing', context),
        untilMs: context.nowMs + holdMs,
        verdict: 'true',
        last: last(),
      }
    }
  }
}

/** The condition has become true: hold, or rise at once. Outside its calendar the rule starts nothing. */
function start(
  rule: CompiledRule,
  state: RuleState,
  scope: Scope,
  last: StoredMessage | undefined,
  context: StepContext,
  held = false,
): RuleState {
  const keepLast = last === undefined ? {} : { last }
  if (!isOpen(rule, context)) {
    return { ...move(rule, state, 'inactive', context), verdict: 'true', waiting: true, ...keepLast }
  }
  const holdMs = held || rule.hold === null ? 0 : rule.hold(scope)
  if (holdMs === null) {
    notice(context, 'duration-missing', rule, '`for` is missing or no duration')
    return { ...state, verdict: 'unknown' }
  }
  if (holdMs === 0) return rise(rule, { ...state, verdict: 'true', waiting: false }, scope, context)
  sayAlert(rule, state, 'pending', scope, context)
  return {
    ...move(rule, state, 'pending', context),
    untilMs: context.nowMs + holdMs,
    verdict: 'true',
    waiting: false,
    ...keepLast,
  }
}

function rise(rule: CompiledRule, state: RuleState, scope: Scope, context: StepContext): RuleState {
  const episode = state.phase === 'pending' ? state.episode : state.episode + 1
  const risen = withoutLast(move(rule, { ...state, episode }, 'firing', context, episode))
  act(rule, rule.then, scope, context)
  return sayTexts(rule, risen, 'firing', scope, true, context)
}

function fall(rule: CompiledRule, state: RuleState, scope: Scope, context: StepContext): RuleState {
  const fallen = withoutLast({ ...move(rule, state, 'inactive', context), verdict: 'false' })
  act(rule, rule.resolved, scope, context)
  return fallen
}

function heard(
  rule: CompiledRule,
  state: RuleState,
  scope: Scope,
  link: LinkSliceData,
  context: StepContext,
): RuleState {
  const silenceMs = rule.absentFor === null ? null : rule.absentFor(scope)
  if (silenceMs === null) notice(context, 'duration-missing', rule, '`absent.for` is missing or no duration')
  const armed: RuleState = {
    ...state,
    waiting: false,
    heardMs: hearingMs(link, context.nowMs),
    ...(silenceMs === null ? {} : { silenceMs }),
  }
  return state.phase === 'firing' ? fall(rule, armed, scope, context) : armed
}

/** Enters a phase and tells of it. A hold that ends inactive was no opening. */
function move(
  rule: CompiledRule,
  state: RuleState,
  to: Phase,
  context: StepContext,
  episode?: number,
): RuleState {
  if (state.phase === to) return withoutDeadline(state)
  const opens = to === 'pending'
  const number = episode ?? (opens ? state.episode + 1 : state.episode)
  context.outcome.transitions.push({
    rule: rule.id,
    key: keyRecord(rule.key.names, state.key),
    episode: number,
    from: state.phase,
    to,
    atMs: context.wallMs,
  })
  if (to === 'inactive') sayAlert(rule, state, 'ended', null, context)
  return { ...withoutDeadline(state), phase: to, sinceMs: context.nowMs, episode: number }
}

/** A state of another shape keeps what is open; holds and windows start anew. */
function adopt(rule: CompiledRule, state: RuleState, context: StepContext): RuleState {
  if (state.shape === rule.shape) return state
  const { samples: _samples, ...kept } = withoutDeadline(state)
  const anew = { ...kept, shape: rule.shape, waiting: false }
  if (state.phase === 'pending') return move(rule, anew, 'inactive', context)
  return state.phase === 'clearing' ? move(rule, anew, 'firing', context) : anew
}

function withoutDeadline(state: RuleState): RuleState {
  if (state.untilMs === undefined) return state
  const { untilMs: _until, ...rest } = state
  return rest
}

function withoutLast(state: RuleState): RuleState {
  if (state.last === undefined) return state
  const { last: _last, ...rest } = state
  return rest
}

// ---- keeping

function save(
  rule: CompiledRule,
  id: string,
  slice: Slice | undefined,
  before: RuleState | null,
  state: RuleState,
  link: LinkSliceData,
  context: StepContext,
  rearm = false,
): void {
  if (!rearm && before !== null && slice?.data === before && sameState(before, state)) return
  if (before === null) {
    context.draft.write(rule.keyCountId, { count: keyCount(context.draft, rule.keyCountId) + 1 })
  }
  context.draft.write(id, state, dueMs(rule, slice, state, link, context))
}

function dueMs(
  rule: CompiledRule,
  slice: Slice | undefined,
  state: RuleState,
  link: LinkSliceData,
  context: StepContext,
): number | null {
  const { nowMs } = context
  if (state.waiting === true) {
    const boundary = rule.during?.nextBoundary(context.wallMs) ?? null
    return boundary === null ? null : boundary - context.wallMs + nowMs
  }
  if (rule.kind === 'absence') {
    if (state.phase === 'firing' || state.silenceMs === undefined) return null
    // While nothing can be heard no silence passes: when the link is up again, the engine looks at these.
    return link.online ? nowMs + Math.max(remainingSilenceMs(state, link, nowMs), 0) : null
  }
  if (state.untilMs !== undefined) return state.untilMs
  if (!isIdle(rule, state)) return null
  // An idle key's timer is left where it is: it looks again by itself, and most messages need not move it.
  const kept = slice?.dueMs ?? null
  return kept !== null && kept > nowMs ? kept : Math.max(state.touchedMs + idleAfterMs(rule), nowMs + 1)
}

/** What a rule still has to know of a key is not forgotten. */
function idleAfterMs(rule: CompiledRule): number {
  return Math.max(idleMs, rule.throttleMs ?? 0, rule.window?.overMs ?? 0)
}

function remainingSilenceMs(state: RuleState, link: LinkSliceData, nowMs: number): number {
  return (state.heardMs ?? 0) + (state.silenceMs ?? Number.POSITIVE_INFINITY) - hearingMs(link, nowMs)
}

function isIdle(rule: CompiledRule, state: RuleState): boolean {
  return state.phase === 'inactive' && state.waiting !== true && rule.kind !== 'absence'
}

function sameState(a: RuleState, b: RuleState): boolean {
  return (
    a.phase === b.phase &&
    a.verdict === b.verdict &&
    a.session === b.session &&
    a.untilMs === b.untilMs &&
    a.waiting === b.waiting &&
    a.heardMs === b.heardMs &&
    a.silenceMs === b.silenceMs &&
    a.actedMs === b.actedMs &&
    a.samples === b.samples &&
    a.prev === b.prev &&
    a.last === b.last &&
    a.said === b.said &&
    a.episode === b.episode &&
    a.shape === b.shape &&
    b.touchedMs - a.touchedMs < touchEveryMs
  )
}

function keyCount(draft: Draft, countId: string): number {
  return (draft.read(countId)?.data as { count: number } | undefined)?.count ?? 0
}

function roomForKey(rule: CompiledRule, context: StepContext): boolean {
  const limit = rule.definition.max_keys
  if (keyCount(context.draft, rule.keyCountId) < limit) return true
  notice(context, 'max-keys', rule, `has ${limit} keys already; a new one was left out (max_keys)`)
  return false
}

// ---- small parts

function each(
  rule: CompiledRule,
  scope: Scope,
  verdict: boolean | typeof UNKNOWN,
  context: StepContext,
): void {
  if (verdict === true && !isOpen(rule, context)) {
    decide(rule, context, 'skipped', 'outside its calendar')
    refuse(rule, context, 'not-answered', 'It is not answered at this time.')
    return
  }
  decide(rule, context, asVerdict(verdict))
  if (verdict === UNKNOWN)
    refuse(rule, context, 'no-data', 'A value that decides about the answer is missing.')
  if (verdict === true) act(rule, rule.then, scope, context)
}

/** Notes for the requester why a rule that could have answered does not. */
function refuse(rule: CompiledRule, context: StepContext, code: Refusal['code'], message: string): void {
  if (rule.answers !== null) context.outcome.refusals.push({ code, message })
}

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

function sample(
  rule: CompiledRule,
  samples: Samples,
  replay: boolean,
  scope: Scope,
  context: StepContext,
): Samples {
  const plan = rule.window
  if (plan === null) return samples
  const quantity = replay ? null : asNumber(plan.of(scope))
  const added = addSample(samples, plan.overMs, context.nowMs, quantity)
  if (added.dropped > 0)
    notice(context, 'window-full', rule, 'its window is full; the oldest readings were dropped')
  scope.window = aggregate(added.samples, plan)
  return added.samples
}

function asNumber(value: unknown): number | null {
  if (typeof value === 'string' && /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/.test(value))
    return Number(value)
  return typeof value === 'number' && Number.isFinite(value) ? value : null
}

function stored(message: Message, scope: Scope, prev: PreviousMessage | undefined): StoredMessage {
  return {
    ...(prev === undefined ? {} : { prev }),
    topic: message.topic,
    payload: scope.payload,
    value: scope.value,
    qos: message.qos,
    retain: message.retain,
    properties: message.properties,
    receivedAt: message.receivedAt,
  }
}

function isOpen(rule: CompiledRule, context: StepContext): boolean {
  return rule.during === null || rule.during.contains(context.wallMs)
}

function throttled(rule: CompiledRule, state: RuleState, context: StepContext): boolean {
  return (
    rule.throttleMs !== null && state.actedMs !== undefined && context.nowMs - state.actedMs < rule.throttleMs
  )
}

function negate(verdict: boolean | typeof UNKNOWN): boolean | typeof UNKNOWN {
  return verdict === UNKNOWN ? UNKNOWN : !verdict
}

function asVerdict(verdict: boolean | typeof UNKNOWN): Verdict {
  return verdict === UNKNOWN ? 'unknown' : verdict ? 'true' : 'false'
}

function notice(
  context: StepContext,
  kind: Outcome['notices'][number]['kind'],
  rule: CompiledRule,
  message: string,
): void {
  context.outcome.notices.push({ kind, rule: rule.id, message })
}

function decide(
  rule: CompiledRule,
  context: StepContext,
  verdict: Verdict | 'skipped',
  because?: string,
): void {
  const acts = rule.kind === 'each' && verdict === 'true'
  context.outcome.decisions?.push(
    because === undefined ? { rule: rule.id, verdict, acts } : { rule: rule.id, verdict, because },
  )
}
