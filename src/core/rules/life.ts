/** The life of one state of a rule: how verdicts and deadlines move it from phase to phase, and what is done then. */
import { sayAlert, sayTexts } from '../alerts/rule-alert.ts'
import { truth, UNKNOWN } from '../conditions/unknown.ts'
import { hearingMs, type LinkSliceData } from '../link.ts'
import type { StepContext } from '../step-context.ts'
import { act, notice } from './act.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { remainingSilenceMs } from './keep-state.ts'
import { keyRecord } from './key.ts'
import { timerScope } from './rule-scope.ts'
import type { Phase, RuleState, StoredMessage } from './rule-state.ts'
import type { Scope } from './scope.ts'

/** The rule was edited or its calendar has opened: the condition is evaluated anew, on the latest message. */
export function reconsider(rule: CompiledRule, state: RuleState, context: StepContext): RuleState {
  const { last } = state
  if (last === undefined) return { ...state, waiting: false }
  const scope = timerScope(rule, state, context)
  const verdict = state.verdict === 'unknown' ? UNKNOWN : rule.when === null ? true : truth(rule.when(scope))
  return advance(rule, { ...state, waiting: false }, verdict, scope, () => last, context)
}

/** Looks whether the silence has lasted. Nobody is called silent while nothing could be heard. */
export function silence(
  rule: CompiledRule,
  state: RuleState,
  link: LinkSliceData,
  context: StepContext,
): RuleState {
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
export function advance(
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

export function rise(rule: CompiledRule, state: RuleState, scope: Scope, context: StepContext): RuleState {
  const episode = state.phase === 'pending' ? state.episode : state.episode + 1
  const risen = withoutLast(move(rule, { ...state, episode }, 'firing', context, episode))
  act(rule, rule.then, scope, context)
  return sayTexts(rule, risen, 'firing', scope, true, context)
}

export function fall(rule: CompiledRule, state: RuleState, scope: Scope, context: StepContext): RuleState {
  const fallen = withoutLast({ ...move(rule, state, 'inactive', context), verdict: 'false' })
  act(rule, rule.resolved, scope, context)
  return fallen
}

export function heard(
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
export function move(
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
export function adopt(rule: CompiledRule, state: RuleState, context: StepContext): RuleState {
  if (state.shape === rule.shape) return state
  const { samples: _samples, ...kept } = withoutDeadline(state)
  const anew = { ...kept, shape: rule.shape, waiting: false }
  if (state.phase === 'pending') return move(rule, anew, 'inactive', context)
  return state.phase === 'clearing' ? move(rule, anew, 'firing', context) : anew
}

export function withoutDeadline(state: RuleState): RuleState {
  if (state.untilMs === undefined) return state
  const { untilMs: _until, ...rest } = state
  return rest
}

function withoutLast(state: RuleState): RuleState {
  if (state.last === undefined) return state
  const { last: _last, ...rest } = state
  return rest
}

export function isOpen(rule: CompiledRule, context: StepContext): boolean {
  return rule.during === null || rule.during.contains(context.wallMs)
}

function negate(verdict: boolean | typeof UNKNOWN): boolean | typeof UNKNOWN {
  return verdict === UNKNOWN ? UNKNOWN : !verdict
}
