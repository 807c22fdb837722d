/** How the state of a key is kept: written when it has changed, with its next timer, within the bound of keys. */
import { hearingMs, type LinkSliceData } from '../link.ts'
import { type Draft, keyCountSliceId, type Slice } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { notice } from './act.ts'
import type { CompiledRule } from './compiled-rule.ts'
import { idleMs, type RuleState, touchEveryMs } from './rule-state.ts'

export function save(
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

export function dueMs(
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
export function idleAfterMs(rule: CompiledRule): number {
  return Math.max(idleMs, rule.throttleMs ?? 0, rule.window?.overMs ?? 0)
}

export function remainingSilenceMs(state: RuleState, link: LinkSliceData, nowMs: number): number {
  return (state.heardMs ?? 0) + (state.silenceMs ?? Number.POSITIVE_INFINITY) - hearingMs(link, nowMs)
}

export function isIdle(rule: CompiledRule, state: RuleState): boolean {
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

export function roomForKey(rule: CompiledRule, context: StepContext): boolean {
  const limit = rule.definition.max_keys
  if (keyCount(context.draft, rule.keyCountId) < limit) return true
  notice(context, 'max-keys', rule, `has ${limit} keys already; a new one was left out (max_keys)`)
  return false
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
