/** What rules made of a message, as plain data with the reasons in words: for the terminal and for programs. */
import type { Why } from '../../core/conditions/why.ts'
import type { Effect } from '../../core/effect.ts'
import type { Notice } from '../../core/outcome.ts'
import type { ExplainRule } from '../../core/rules/explain-rule.ts'
import { keyRecord } from '../../core/rules/key.ts'
import type { Phase, RuleState } from '../../core/rules/rule-state.ts'
import { durationText } from '../../core/templates/duration-text.ts'
import type { Deeds, Due, Met } from './spectator.ts'

/**
 * In short what a rule does: `acts` (on this message), `fires`, `clears`, `holds` (waits for `for` or `clear.for`),
 * `stays` (fires already, and goes on), `heard` (its silence begins anew), or nothing, for one of the other reasons.
 */
export type Does =
  | 'acts'
  | 'fires'
  | 'clears'
  | 'holds'
  | 'stays'
  | 'heard'
  | 'not met'
  | 'unknown'
  | 'skipped'
  | 'throttled'
  | 'failed'

export interface RuleSight {
  readonly rule: string
  /** What its state is about, by name; empty when it keeps none. */
  readonly key: Readonly<Record<string, string>>
  /** Of `when`; null when it was not tried. */
  readonly verdict: 'true' | 'false' | 'unknown' | null
  readonly does: Does
  /** The same in a few words, for people. */
  readonly says: string
  /** What decided. */
  readonly because: readonly string[]
  /** The state it is in now; null when it keeps none. */
  readonly state: Phase | null
  /** When its hold ends, ms since the epoch; null when none runs. */
  readonly untilMs: number | null
  readonly would: readonly Would[]
}

export type Would =
  | { readonly kind: 'effect'; readonly effect: Effect }
  | { readonly kind: 'notify'; readonly receivers: readonly string[]; readonly title: string }
  | {
      readonly kind: 'alert'
      readonly change: 'pending' | 'firing' | 'ended'
      readonly severity: string | null
      readonly summary: string | null
      readonly policy: string
    }
  /** Its id is made when it is sent. `ackTopic`: where the device is to say that it did it. */
  | {
      readonly kind: 'command'
      readonly broker: string
      readonly topic: string
      readonly payload: unknown
      readonly ackTopic: string
      readonly withinMs: number
      readonly attempts: number
    }
  | { readonly kind: 'cannot'; readonly message: string }

export function describeMet(met: Met, atMs: number, explain: ExplainRule): RuleSight {
  const { rule, key, before, after, decision, slice } = met
  const told = tell(met, atMs, explain)
  return {
    rule: rule.id,
    key: slice === null ? {} : keyRecord(rule.key.names, key),
    verdict: decision === null || decision.verdict === 'skipped' ? null : decision.verdict,
    ...told,
    state: slice === null ? null : (after?.phase ?? before?.phase ?? 'inactive'),
    untilMs: after?.untilMs ?? null,
    would: wouldOf(met).filter((one) => {
      // An alert that never fired is not told to anybody: nothing has to be resolved.
      return one.kind !== 'alert' || one.change !== 'ended' || before?.phase !== 'pending'
    }),
  }
}

/** What a timer did; null when that is nothing to people, e.g. that a state was tidied away. */
export function describeDue({ met, atMs }: Due): RuleSight | null {
  const would = wouldOf(met)
  const { rule, key, before, after } = met
  const to = after?.phase ?? 'inactive'
  if (to === (before?.phase ?? 'inactive') && would.length === 0) return null
  const [does, says] = dueWords(rule.kind === 'absence', before, to, atMs)
  return {
    rule: rule.id,
    key: keyRecord(rule.key.names, key),
    verdict: null,
    does,
    says,
    because: [],
    state: to,
    untilMs: after?.untilMs ?? null,
    would,
  }
}

function dueWords(isAbsence: boolean, before: RuleState | null, to: Phase, atMs: number): [Does, string] {
  const heldMs = before === null ? 0 : atMs - before.sinceMs
  if (to === 'firing') {
    if (isAbsence)
      return ['fires', `fires — nothing was heard for ${durationText(before?.silenceMs ?? heldMs)}`]
    return ['fires', before?.phase === 'pending' ? `fires — it held for ${durationText(heldMs)}` : 'fires']
  }
  if (to === 'inactive') {
    return before?.phase === 'clearing'
      ? ['clears', `clears — it was so for ${durationText(heldMs)}`]
      : ['clears', 'its hold has ended']
  }
  return ['holds', to === 'pending' ? 'met, and holds' : 'holds']
}

type Told = Pick<RuleSight, 'does' | 'says' | 'because'>

function tell(met: Met, atMs: number, explain: ExplainRule): Told {
  const { rule, notices, decision, before, after, scope } = met
  const failed = notices.find(({ kind }) => kind === 'rule-failed')
  if (failed !== undefined) return { does: 'failed', says: 'failed', because: [failed.message] }
  if (decision === null) {
    const notice = notices.find(({ kind }) => kind === 'max-keys')
    return notice === undefined
      ? {
          does: 'failed',
          says: 'left alone',
          because: ['it failed before, and is tried again when it is edited'],
        }
      : { does: 'skipped', says: 'skipped', because: [notice.message] }
  }
  if (decision.verdict === 'skipped') {
    if (decision.because !== 'throttled')
      return { does: 'skipped', says: 'skipped', because: [skipReason(met)] }
    const leftMs = (before?.actedMs ?? atMs) + (rule.throttleMs ?? 0) - atMs
    return {
      does: 'throttled',
      says: 'throttled',
      because: [`at most once in ${durationText(rule.throttleMs ?? 0)}; again in ${durationText(leftMs)}`],
    }
  }
  const because = scope === null ? [] : reasons(explain(rule, 'when', scope), met)
  const { verdict } = decision
  if (rule.kind === 'absence') {
    if (verdict === 'false') return { does: 'not met', says: 'not met', because }
    if (verdict === 'unknown') return { does: 'unknown', says: 'unknown', because }
    if (before?.phase === 'firing') return { does: 'clears', says: 'clears — heard again', because: [] }
    const silenceMs = after?.silenceMs
    const says =
      silenceMs === undefined
        ? 'heard'
        : `heard — fires when nothing more comes for ${durationText(silenceMs)}`
    return { does: 'heard', says, because: [] }
  }
  if (rule.kind === 'each') {
    if (verdict === 'true')
      return { does: 'acts', says: rule.when === null ? 'takes every message' : 'met', because }
    return verdict === 'false'
      ? { does: 'not met', says: 'not met', because }
      : { does: 'unknown', says: 'unknown', because }
  }
  return tellEdges(met, verdict, because, atMs, explain)
}

/** A rule with a state: what it does depends on where it was and where it is now. */
function tellEdges(
  met: Met,
  verdict: 'true' | 'false' | 'unknown',
  because: readonly string[],
  atMs: number,
  explain: ExplainRule,
): Told {
  const { rule, before, after, scope } = met
  const from = before?.phase ?? 'inactive'
  const to = after?.phase ?? 'inactive'
  const clearReasons = (): readonly string[] => {
    if (scope === null || rule.clearWhen === null) return because
    return reasons(explain(rule, 'clear', scope), met)
  }
  const isOpen = from === 'firing' || from === 'clearing'
  if (isOpen && to === 'inactive') return { does: 'clears', says: 'clears', because: clearReasons() }
  if (!isOpen && to === 'firing') return { does: 'fires', says: 'fires', because }
  if (isOpen && to === 'firing') {
    const sinceMs = atMs - (after?.sinceMs ?? atMs)
    const since = sinceMs < 1_000 ? 'fires already' : `fires already, for ${durationText(sinceMs)}`
    if (verdict === 'true') {
      const says = from === 'clearing' ? 'met again — goes on firing' : `met — ${since}`
      return { does: 'stays', says, because }
    }
    const says =
      rule.clearWhen === null
        ? `${verdict === 'unknown' ? 'unknown' : 'not met'} — ${since}`
        : `goes on firing`
    return { does: 'stays', says, because: clearReasons() }
  }
  if (to === 'pending' || to === 'clearing') {
    const left = after?.untilMs === undefined ? null : after.untilMs - atMs
    const whole = after?.untilMs === undefined ? 0 : after.untilMs - after.sinceMs
    const what = to === 'pending' ? 'holds' : 'holds, to clear'
    const long =
      left === null
        ? 'waits for the next known value'
        : `for ${durationText(whole)}, ${durationText(left)} left`
    if (verdict === 'unknown' && to === 'pending')
      return { does: 'unknown', says: `unknown — ${what} ${long}`, because }
    return { does: 'holds', says: `${what} — ${long}`, because: to === 'pending' ? because : clearReasons() }
  }
  if (verdict === 'true' && after?.waiting === true)
    return { does: 'skipped', says: 'met, but skipped', because: [outsideCalendar(rule.definition.during)] }
  if (verdict === 'unknown') return { does: 'unknown', says: 'unknown', because }
  if (verdict === 'true') return { does: 'skipped', says: 'met, but does nothing', because }
  const says =
    from === 'pending'
      ? `not met — its hold ended after ${durationText(atMs - (before?.sinceMs ?? atMs))}`
      : 'not met'
  return { does: 'not met', says, because }
}

function reasons(why: Why | null, met: Met): readonly string[] {
  if (why === null) return []
  const told = why.reasons.map((reason) => (why.verdict === 'unknown' ? missingOf(reason, met) : reason))
  return why.more > 0 ? [...told, `and ${why.more} more`] : told
}

/** What is missing, by a name that says more where there is one. */
function missingOf(reason: string, { rule, after }: Met): string {
  const { value } = rule.definition
  if (reason === 'value is missing' && typeof value === 'string')
    return `value, which is ${value}, is missing`
  const count = (after?.samples?.length ?? 0) / 2
  if (rule.window === null || count >= rule.window.min || !reason.startsWith('window.')) return reason
  return `its window has ${count} of at least ${rule.window.min} readings`
}

function skipReason({ rule, decision }: Met): string {
  const because = decision?.because ?? ''
  return because === 'outside its calendar' ? outsideCalendar(rule.definition.during) : because
}

const outsideCalendar = (name: string | undefined): string =>
  `outside its calendar${name === undefined ? '' : ` ${name}`}`

/** Notices that are the reason why a rule does nothing. */
const toldOtherwise: ReadonlySet<Notice['kind']> = new Set([
  'rule-failed',
  'max-keys',
  'throttled',
  'key-missing',
  'key-too-long',
  // It is that of a command which only the running Tocsin knows.
  'ack-unknown',
])

export function wouldOf(deeds: Deeds): readonly Would[] {
  const effects = deeds.effects.map((effect): Would => ({ kind: 'effect', effect }))
  const followUps = deeds.followUps.flatMap((event): Would[] => {
    if (event.type === 'notify')
      return [{ kind: 'notify', receivers: event.receivers, title: event.notification.title }]
    if (event.type === 'command') {
      const { broker, topic, payload, ackTopic, withinMs, attempts } = event.effect
      return [{ kind: 'command', broker, topic, payload, ackTopic, withinMs, attempts }]
    }
    if (event.type !== 'alert' || event.change === 'changed' || event.change === 'lapsed') return []
    const { change, texts, policy } = event
    return [
      { kind: 'alert', change, severity: texts?.severity ?? null, summary: texts?.summary ?? null, policy },
    ]
  })
  const cancelled = deeds.notices.flatMap((notice): Would[] =>
    toldOtherwise.has(notice.kind) ? [] : [{ kind: 'cannot', message: notice.message }],
  )
  return [...effects, ...followUps, ...cancelled]
}
