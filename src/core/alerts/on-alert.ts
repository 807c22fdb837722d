/** One alert: what its rule says of it, what people do to it, and what silences and inhibitions make of it. */

import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { durationText } from '../templates/duration-text.ts'
import {
  type Acknowledgement,
  type AlertState,
  alertName,
  alertSliceId,
  flappingOpenings,
  isFlapping,
  lingerMs,
  openingsLimit,
} from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import type { AlertEvent, Asked } from './events.ts'
import { fingerprintOf } from './fingerprint.ts'
import { groupFor, groupOf, openingNeeds, place } from './group.ts'
import { total } from './group-state.ts'
import type { Labels } from './matcher.ts'
import { publishAlert } from './publish-alert.ts'
import { noSilences, type SilencesState, silenceOf, silencesSliceId } from './silences.ts'

const nothing: readonly never[] = []

export function alertOf(read: SliceReader, id: string): AlertState | undefined {
  return read(id)?.data as AlertState | undefined
}

/** The slices that a change of this alert may touch. */
export function alertNeeds(
  id: string,
  opening: { readonly labels: Labels; readonly policy: string } | null,
  alerting: Alerting,
  read: SliceReader,
  nowMs: number,
): readonly string[] {
  const alert = alertOf(read, id)
  const labels = opening?.labels ?? alert?.labels
  if (labels === undefined) return [id]
  const group = alert?.group ?? groupFor(alerting, opening?.policy ?? alert?.policy ?? 'none', labels)
  return [
    id,
    silencesSliceId,
    ...new Set([...alerting.mutedBy(labels), ...alerting.mutes(labels), ...(alert?.mutes ?? nothing)]),
    ...(group === null ? nothing : [group, ...openingNeeds(group, read, nowMs)]),
  ]
}

export function eventSlice(event: AlertEvent): string {
  return alertSliceId(event.rule, fingerprintOf(event.rule, event.key))
}

/** The labels that a rule's alert has: what the rule says, its key, its name and severity. */
export function labelsOf(event: AlertEvent): Labels {
  const { texts, named, rule } = event
  return { ...named, ...texts?.labels, rule, severity: texts?.severity ?? 'warning' }
}

/** What its rule says. */
export function onAlert(event: AlertEvent, alerting: Alerting, context: StepContext): void {
  const id = eventSlice(event)
  const before = alertOf((slice) => context.draft.read(slice), id) ?? null
  const { change, texts } = event
  switch (change) {
    case 'pending':
      if (texts !== null && before?.state !== 'firing') begin(id, before, event, 'pending', alerting, context)
      return
    case 'firing':
      if (texts !== null && before?.state !== 'firing') begin(id, before, event, 'firing', alerting, context)
      return
    case 'changed': {
      if (texts === null) return
      const open = before?.state === 'firing'
      // Resolved by hand, it stays so until its condition was seen false.
      if (before?.byHand != null && !before.byHand.lapsed) return
      if (!open) begin(id, before, event, 'firing', alerting, context)
      else {
        // Silences, groups and inhibitions go by the labels, so they stay as they were when it opened.
        const { labels: _labels, ...said } = texts
        write(id, before, { ...before, ...said, severity: before.severity }, alerting, context)
      }
      return
    }
    case 'lapsed':
      if (before?.byHand != null && !before.byHand.lapsed)
        write(id, before, { ...before, byHand: { ...before.byHand, lapsed: true } }, alerting, context)
      return
    case 'ended':
      if (before === null) return
      if (before.state === 'pending') {
        if (before.openings.length === 0) drop(id, before, alerting, context)
        else
          write(id, before, { ...before, state: 'resolved', resolvedMs: context.wallMs }, alerting, context)
      } else if (before.state === 'firing') {
        resolve(id, before, { because: event.because }, alerting, context)
      } else if (before.byHand !== null) {
        write(id, before, { ...before, byHand: null }, alerting, context)
      }
      return
  }
}

/** Judges it again; a rule that opens no alerts any more ends it. */
export function recheckAlert(
  id: string,
  ruleHasAlerts: (rule: string) => boolean,
  alerting: Alerting,
  context: StepContext,
): void {
  const before = alertOf((slice) => context.draft.read(slice), id)
  if (before === undefined || before.state === 'resolved') return
  if (!ruleHasAlerts(before.rule)) {
    if (before.state === 'firing') resolve(id, before, { because: 'rule_removed' }, alerting, context)
    else drop(id, before, alerting, context)
    return
  }
  write(id, before, { ...before }, alerting, context)
}

export function onAlertTimer(id: string, alerting: Alerting, context: StepContext): void {
  const before = alertOf((slice) => context.draft.read(slice), id)
  if (before === undefined) return
  const { nowMs } = context
  let after = before
  let anew = false
  if (after.ack?.untilMs != null && after.ack.untilMs <= nowMs) {
    audit(context, after, 'ack-ran-out', { by: after.ack.by })
    remarkAck(after, after.ack, context)
    after = { ...after, ack: null }
    anew = true
  }
  if (after.flappingUntilMs !== null && after.flappingUntilMs <= nowMs) {
    audit(context, after, 'flapping-ended', {})
    after = { ...after, flappingUntilMs: null, group: after.state === 'firing' ? after.group : null }
  }
  const isGone = after.state === 'resolved' && after.byHand === null && !isFlapping(after)
  const settled = write(id, before, after, alerting, context, anew)
  const latest = settled.openings.at(-1) ?? 0
  const endedMs = context.nowMs - Math.max(0, context.wallMs - (settled.resolvedMs ?? 0))
  if (isGone && Math.max(latest, endedMs) + lingerMs <= nowMs) context.draft.remove(id)
}

export function ackAlert(
  id: string,
  alert: AlertState,
  asked: Asked,
  alerting: Alerting,
  context: StepContext,
): void {
  const read: SliceReader = (slice) => context.draft.read(slice)
  const group = alert.group === null ? undefined : groupOf(read, alert.group)
  const timeoutMs = group?.plan.ackTimeoutMs ?? null
  const untilMs = timeoutMs === null ? null : context.nowMs + timeoutMs
  const ack = { by: asked.by, via: asked.via, atMs: context.wallMs, untilMs }
  audit(context, alert, 'acked', { by: asked.by, via: asked.via })
  write(id, alert, { ...alert, ack }, alerting, context)
}

export function resolveByHand(
  id: string,
  alert: AlertState,
  asked: Asked,
  alerting: Alerting,
  context: StepContext,
): void {
  resolve(id, alert, { because: 'by hand', by: asked.by }, alerting, context)
}

// ---- the life of an alert

function begin(
  id: string,
  before: AlertState | null,
  event: AlertEvent,
  state: 'pending' | 'firing',
  alerting: Alerting,
  context: StepContext,
): void {
  const { texts } = event
  if (texts === null) return
  const { nowMs, wallMs } = context
  const isFiring = state === 'firing'
  // What was resolved by hand while its rule fired is over with its rule's next opening.
  const recent = (before?.openings ?? nothing).filter((atMs) => atMs > nowMs - lingerMs)
  const openings = isFiring ? [...recent, nowMs].slice(-openingsLimit) : recent
  const flaps = isFiring && (openings.length >= flappingOpenings || (before !== null && isFlapping(before)))
  const isMember = before?.group != null
  const opens = before === null || before.state === 'resolved'
  const labels = labelsOf(event)
  const alert: AlertState = {
    ...texts,
    labels: isMember ? before.labels : labels,
    rule: event.rule,
    fingerprint: fingerprintOf(event.rule, event.key),
    key: event.named,
    policy: event.policy,
    state,
    episode: opens ? Math.max(nowMs, (before?.episode ?? 0) + 1) : before.episode,
    sinceMs: wallMs,
    resolvedMs: null,
    because: null,
    ack: isMember ? before.ack : null,
    silence: null,
    inhibitedBy: null,
    mutes: before?.mutes ?? nothing,
    group: before?.group ?? (isFiring ? groupFor(alerting, event.policy, labels) : null),
    joined: isMember ? before.joined : 0,
    toldBefore: isMember && before.toldBefore,
    openings,
    flappingUntilMs: flaps ? nowMs + lingerMs : (before?.flappingUntilMs ?? null),
    byHand: null,
  }
  audit(context, alert, state, flaps ? { openings: openings.length } : {})
  write(id, before, alert, alerting, context)
}

function resolve(
  id: string,
  before: AlertState,
  why: { readonly because: NonNullable<AlertState['because']>; readonly by?: string },
  alerting: Alerting,
  context: StepContext,
): void {
  // A flapping alert stays in its group until it has been quiet for long enough.
  const stays = why.because === 'condition' && isFlapping(before)
  const after: AlertState = {
    ...before,
    state: 'resolved',
    resolvedMs: context.wallMs,
    because: why.because,
    ack: stays ? before.ack : null,
    silence: null,
    inhibitedBy: null,
    group: stays ? before.group : null,
    flappingUntilMs: stays ? context.nowMs + lingerMs : null,
    byHand: why.by === undefined ? null : { by: why.by, lapsed: false },
  }
  audit(context, after, 'resolved', { because: why.because, by: why.by ?? null })
  write(id, before, after, alerting, context)
}

/** It never fired, or nobody has to remember it. */
function drop(id: string, before: AlertState, alerting: Alerting, context: StepContext): void {
  context.draft.remove(id)
  publishAlert(before, null, null, alerting, context)
}

/** Writes an alert with all that follows: marks, those it mutes, its group, its topic, its timer. */
function write(
  id: string,
  before: AlertState | null,
  changed: AlertState,
  alerting: Alerting,
  context: StepContext,
  anew = false,
): AlertState {
  const { draft } = context
  const read: SliceReader = (slice) => draft.read(slice)
  let after = judged(changed, alerting, context)
  const mutes = after.state === 'firing' ? alerting.mutes(after.labels) : nothing
  mute(before?.mutes ?? nothing, mutes, alerting, context)
  after = { ...after, mutes }
  // A policy that came or went changes open alerts no more than any other edit of a policy.
  const isNewlySilent = before?.silence != null && after.silence === null && after.state === 'firing'
  const restarts = anew || (isNewlySilent && hasNothingLeft(after, read))
  after = place(before, after, alerting, context, restarts)
  if (before !== null) {
    markAudit(context, after, 'silenced', before.silence?.id ?? null, after.silence?.id ?? null)
    markAudit(context, after, 'inhibited', before.inhibitedBy, after.inhibitedBy)
  }
  draft.write(id, after, dueMs(after, context))
  const group = after.group === null ? null : (groupOf(read, after.group) ?? null)
  publishAlert(before, after, group, alerting, context)
  return after
}

/** The next notification says why it tells of this one again. */
function remarkAck(alert: AlertState, { by, atMs }: Acknowledgement, context: StepContext): void {
  const group = alert.group === null ? undefined : groupOf((slice) => context.draft.read(slice), alert.group)
  if (alert.group === null || group === undefined) return
  const about = total(group.firing) > 1 ? `${alert.summary}: acknowledged` : 'Acknowledged'
  const remark = `${about} by ${by} ${durationText(context.wallMs - atMs)} ago, and still firing.`
  context.draft.write(alert.group, { ...group, remark })
}

/** No step or repeat would tell of it again. */
function hasNothingLeft(alert: AlertState, read: SliceReader): boolean {
  const group = alert.group === null ? undefined : groupOf(read, alert.group)
  if (group === undefined || group.stepsDone < group.plan.steps.length) return false
  const { repeat } = group.plan
  return repeat === null || (repeat.times !== null && group.repeatsDone >= repeat.times)
}

function judged(alert: AlertState, alerting: Alerting, context: StepContext): AlertState {
  if (alert.state !== 'firing') return alert
  const state = (context.draft.read(silencesSliceId)?.data as SilencesState | undefined) ?? noSilences
  const silence = silenceOf(state, alert.labels, context.nowMs)
  const inhibitedBy = alerting.mutedBy(alert.labels).find((id) => sources(id, context) > 0) ?? null
  return {
    ...alert,
    silence: silence === null ? null : { id: silence.id, untilMs: silence.untilMs },
    inhibitedBy,
  }
}

function mute(
  before: readonly string[],
  after: readonly string[],
  alerting: Alerting,
  context: StepContext,
): void {
  for (const id of after) if (!before.includes(id)) count(id, 1, alerting, context)
  for (const id of before) if (!after.includes(id)) count(id, -1, alerting, context)
}

function count(id: string, by: 1 | -1, alerting: Alerting, context: StepContext): void {
  const now = sources(id, context) + by
  if (now > 0) context.draft.write(id, { sources: now })
  else context.draft.remove(id)
  const isEdge = now === 0 || (now === 1 && by === 1)
  const matcher = isEdge ? alerting.mutedMatcher(id) : null
  if (matcher !== null) context.outcome.rechecks.push({ matcher })
}

function sources(id: string, context: StepContext): number {
  return (context.draft.read(id)?.data as { sources: number } | undefined)?.sources ?? 0
}

function dueMs(alert: AlertState, context: StepContext): number | null {
  const times: number[] = []
  if (alert.ack?.untilMs != null) times.push(alert.ack.untilMs)
  if (alert.silence !== null) times.push(alert.silence.untilMs)
  if (alert.flappingUntilMs !== null) times.push(alert.flappingUntilMs)
  if (alert.state === 'resolved' && alert.byHand === null) times.push(context.nowMs + lingerMs)
  return times.length === 0 ? null : Math.min(...times)
}

function markAudit(
  context: StepContext,
  alert: AlertState,
  mark: string,
  before: string | null,
  after: string | null,
): void {
  if (before === after || alert.state !== 'firing') return
  audit(context, alert, after === null ? `not-${mark}` : mark, { by: after ?? before })
}

function audit(
  context: StepContext,
  alert: AlertState,
  what: string,
  data: Readonly<Record<string, string | number | boolean | null>>,
): void {
  context.outcome.audit.push({
    subject: alertName(alert),
    what,
    data: { ...data, episode: alert.episode },
    atMs: context.wallMs,
  })
}
