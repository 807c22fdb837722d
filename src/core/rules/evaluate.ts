/**
 * One rule, one key, one event: the condition is evaluated, the state moves, actions are planned. Pure: reads
 * and writes go through the draft, everything else comes in as an argument.
 */
import { truth, UNKNOWN } from '../conditions/unknown.ts'
import { formatDuration } from '../duration.ts'
import type { LinkSliceData } from '../link.ts'
import type { Message } from '../message.ts'
import { extendSliceId } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { act, notice, refuse } from './act.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { forget, idleAfterMs, isIdle, roomForKey, save } from './keep-state.ts'
import {
  adopt,
  advance,
  fall,
  heard,
  isOpen,
  move,
  reconsider,
  rise,
  silence,
  withoutDeadline,
} from './life.ts'
import { messageScope, timerScope } from './rule-scope.ts'
import {
  emptyState,
  type PreviousMessage,
  type RuleState,
  type StoredMessage,
  type Verdict,
} from './rule-state.ts'
import type { Scope } from './scope.ts'
import { addSample, aggregate, type Samples } from './window.ts'

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
  if (before === null && !roomForKey(rule, context)) {
    refuse(rule, context, 'busy', 'The rule keeps as many keys as it may.')
    return
  }
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

export function each(
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

function throttled(rule: CompiledRule, state: RuleState, context: StepContext): boolean {
  return (
    rule.throttleMs !== null && state.actedMs !== undefined && context.nowMs - state.actedMs < rule.throttleMs
  )
}

function asVerdict(verdict: boolean | typeof UNKNOWN): Verdict {
  return verdict === UNKNOWN ? 'unknown' : verdict ? 'true' : 'false'
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
