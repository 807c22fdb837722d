/** What happens to a group: members come, go and are held; it is acknowledged; deliveries of a step are lost. */
import type { StepOf } from '../deliveries/delivery-state.ts'
import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { type AlertState, isHeld, lingerMs, notified } from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import type { PolicyDefinition } from './definition.ts'
import type { Asked } from './events.ts'
import { hash64 } from './fingerprint.ts'
import {
  ackCodeSliceId,
  counted,
  type GroupState,
  groupSliceId,
  membership,
  noCounts,
  type SampledAlert,
  sampled,
  total,
  unsampled,
} from './group-state.ts'
import type { Labels } from './matcher.ts'
import { clockMs, isMuted, type Moment, nextMuteChangeMs, settled } from './mute.ts'

/** Hexadecimal: so no word of an answer such as `ACK on my way` is taken for a code. */
const codeAlphabet = '0123456789ABCDEF'
/** Short codes are tried first, as people type them. */
const codeLengths = [3, 3, 3, 4, 4, 6]
/** When all of those are taken. */
const longCodeLength = 12

/** Which group an alert with these labels belongs to; null when nobody is to be told. */
export function groupFor(alerting: Alerting, policy: string, labels: Labels): string | null {
  const plan = policy === 'none' ? undefined : alerting.policy(policy)
  return plan === undefined ? null : groupSliceId(plan, labels)
}

export function groupOf(read: SliceReader, id: string): GroupState | undefined {
  return read(id)?.data as GroupState | undefined
}

/** The slices that opening this group looks at, besides its own. */
export function openingNeeds(id: string, read: SliceReader, nowMs: number): readonly string[] {
  return groupOf(read, id) === undefined ? codesOf(threadIdOf(id, nowMs)).map(ackCodeSliceId) : []
}

/**
 * Brings an alert's membership up to date: `after.group` says where it belongs now. Gives back the alert with its
 * position. `anew`: it needs somebody again as if it were new, as an acknowledgement has run out.
 */
export function place(
  before: AlertState | null,
  after: AlertState,
  alerting: Alerting,
  context: StepContext,
  anew = false,
): AlertState {
  const id = before?.group ?? after.group
  if (id === null) return after
  const known = groupOf((slice) => context.draft.read(slice), id)
  const isMember = before?.group === id && known !== undefined
  const start = known !== undefined && (isMember || known.overMs === null) ? known : null
  // A group that is gone counts nobody any more.
  if (start === null && after.group === null) return after
  const opened = start ?? open(id, after, known, alerting, context)
  if (opened === null) return { ...after, group: null }
  let group = opened
  let alert = after
  if (isMember && before !== null) group = counted(group, membership(before, isHeld(before)), -1)
  const isUntold = alert.joined > group.toldUpTo
  if (alert.group === null) {
    group = left(group, alert, isUntold, alerting, context)
    alert = { ...alert, joined: 0, toldBefore: false }
  } else {
    const held = isHeld(alert)
    if (!isMember) alert = { ...alert, joined: 0, toldBefore: false }
    if (!held && (alert.joined === 0 || anew)) {
      const counts = alert.joined === 0 || !isUntold
      const wasQuiet = total(opened.needy) === 0
      group = { ...group, joined: group.joined + 1 }
      alert = {
        ...alert,
        joined: group.joined,
        toldBefore: alert.toldBefore || (alert.joined > 0 && !isUntold),
      }
      if (counts) group = { ...group, news: { ...group.news, joined: group.news.joined + 1 } }
      // Whoever comes when all others are taken care of is told from the first step on.
      if (wasQuiet && group.stepsDone > 0) group = restarted(group)
    } else if (held && alert.state === 'firing' && isUntold && alert.joined > 0) {
      // Held before anybody heard of it: it will be new when it is not.
      alert = { ...alert, joined: 0 }
      group = { ...group, news: { ...group.news, joined: Math.max(0, group.news.joined - 1) } }
    }
    group = counted(group, membership(alert, held), 1)
    const isShown = !held || alert.flappingUntilMs !== null
    group = {
      ...group,
      sample: isShown ? sampled(group.sample, sampleOf(alert)) : unsampled(group.sample, alert),
    }
  }
  keep(id, opened, group, alerting, context)
  return alert
}

/** Everybody who fires now is taken care of. */
export function acknowledge(
  id: string,
  group: GroupState,
  asked: Asked,
  alerting: Alerting,
  context: StepContext,
): GroupState {
  const { ackTimeoutMs } = group.plan
  const ack = {
    by: asked.by,
    via: asked.via,
    atMs: context.wallMs,
    untilMs: ackTimeoutMs === null ? null : context.nowMs + ackTimeoutMs,
    upTo: group.joined,
  }
  const next = { ...group, ack, needy: noCounts, news: { ...group.news, joined: 0 } }
  return keep(id, group, next, alerting, context)
}

/** The acknowledgement has run out: who still fires is told anew. */
export function unacknowledged(group: GroupState): GroupState {
  return { ...restarted(group), ack: null, needy: group.open }
}

/** One delivery of the latest step is lost; with the last of them the next step comes at once. */
export function lost(of: StepOf, alerting: Alerting, context: StepContext): void {
  const group = groupOf((slice) => context.draft.read(slice), of.group)
  const watch = group?.watch ?? null
  if (group === undefined || watch === null || group.round !== of.round || watch.step !== of.step) return
  const next = { ...group, watch: { ...watch, left: watch.left - 1 } }
  keep(of.group, group, next.watch.left > 0 ? next : hastened(next, alerting, context), alerting, context)
}

/** The clock is put forward to the next step. */
export function hastened(group: GroupState, alerting: Alerting, moment: Moment): GroupState {
  if (group.stepsDone >= group.plan.steps.length) return group
  const ms = Math.max(clockMs(group, alerting, moment), stepAtMs(group.plan, group.stepsDone))
  return { ...group, clock: { ms, sinceMs: group.clock.sinceMs === null ? null : moment.nowMs } }
}

/** On the group's clock, when a step comes. */
export function stepAtMs(plan: PolicyDefinition, step: number): number {
  return Math.max(plan.steps[step]?.afterMs ?? 0, plan.groupWaitMs)
}

/** Writes a group with its clock and timer set right. */
export function keep(
  id: string,
  before: GroupState,
  after: GroupState,
  alerting: Alerting,
  context: StepContext,
): GroupState {
  const group = settled(before, after, alerting, context)
  context.draft.write(id, group, dueMs(group, alerting, context))
  return group
}

/** What waits to be told when nothing fires any more, or beside what fires. */
export function owesResolved(group: GroupState): boolean {
  return group.news.resolved > 0 && group.plan.resolved && group.told.length > 0
}

/** Nothing fires and nothing is left to tell, nor will a mute without an end let it be told. */
export function isSettled(group: GroupState, muteChangeMs: number | null): boolean {
  if (group.overMs === null) return false
  return muteChangeMs === null || (!owesResolved(group) && group.swallowed === 0)
}

/** When the group has to be looked at next, steady ms. */
export function dueMs(group: GroupState, alerting: Alerting, moment: Moment): number | null {
  const { nowMs, wallMs } = moment
  const { plan } = group
  const about = total(group.needy) > 0 ? group.needy : { ...noCounts, [group.worst]: 1 }
  if (isMuted(group, about, alerting, wallMs)) {
    const change = nextMuteChangeMs(group, about, alerting, moment)
    const ack = group.overMs === null ? (group.ack?.untilMs ?? null) : null
    return earliest([change, ack, isSettled(group, change) ? (group.overMs ?? 0) + lingerMs : null])
  }
  if (group.overMs !== null) {
    return owesResolved(group) || group.swallowed > 0 ? nowMs : group.overMs + lingerMs
  }
  const times: (number | null)[] = [group.ack?.untilMs ?? null, group.swallowed > 0 ? nowMs : null]
  const isNews = (group.news.joined > 0 && total(group.needy) > 0) || owesResolved(group)
  if (isNews && group.lastToldMs !== null && group.stepsDone > 0)
    times.push(Math.max(nowMs, group.lastToldMs + plan.groupIntervalMs))
  if (total(group.needy) > 0) {
    const nextAtMs = nextOnClock(group)
    if (nextAtMs !== null) times.push(nowMs + Math.max(0, nextAtMs - clockMs(group, alerting, moment)))
  }
  return earliest(times)
}

/** On the clock, when the next step or repeat comes; null when there is none. */
export function nextOnClock(group: GroupState): number | null {
  const { plan, stepsDone, repeatsDone } = group
  if (stepsDone < plan.steps.length) return stepAtMs(plan, stepsDone)
  const { repeat } = plan
  if (repeat === null || (repeat.times !== null && repeatsDone >= repeat.times)) return null
  return group.lastStepMs + repeat.everyMs
}

// ---- parts

function open(
  id: string,
  alert: AlertState,
  known: GroupState | undefined,
  alerting: Alerting,
  context: StepContext,
): GroupState | null {
  const plan = alerting.policy(alert.policy)
  if (plan === undefined) return null
  if (known !== undefined) {
    // It resolved a moment ago: the conversation goes on.
    const owes = owesResolved(known)
    return {
      ...restarted(known),
      plan,
      overMs: null,
      ack: null,
      told: owes ? known.told : [],
      news: { joined: 0, resolved: owes ? known.news.resolved : 0 },
      resolvedSample: owes ? known.resolvedSample : [],
      worst: alert.severity,
      resolvedBy: null,
    }
  }
  const threadId = threadIdOf(id, context.nowMs)
  const codes = codesOf(threadId)
  const code =
    codes.find((one) => context.draft.read(ackCodeSliceId(one)) === undefined) ?? longCode(threadId)
  context.draft.write(ackCodeSliceId(code), { group: id })
  return {
    policy: plan.name,
    labels: Object.fromEntries(plan.groupBy.map((name) => [name, alert.labels[name] ?? ''])),
    plan,
    threadId,
    threadTitle: '',
    threadIndex: 0,
    ackCode: code,
    joined: 0,
    firing: noCounts,
    open: noCounts,
    needy: noCounts,
    ack: null,
    clock: { ms: 0, sinceMs: null },
    round: 1,
    stepsDone: 0,
    repeatsDone: 0,
    lastStepMs: 0,
    watch: null,
    told: [],
    toldInRound: [],
    heard: [],
    lastToldMs: null,
    toldUpTo: 0,
    news: { joined: 0, resolved: 0 },
    sample: [],
    resolvedSample: [],
    worst: alert.severity,
    resolvedBy: null,
    swallowed: 0,
    remark: '',
    overMs: null,
  }
}

function left(
  group: GroupState,
  alert: AlertState,
  isUntold: boolean,
  alerting: Alerting,
  context: StepContext,
): GroupState {
  let next: GroupState = { ...group, sample: unsampled(group.sample, alert) }
  if (isUntold) next = { ...next, news: { ...next.news, joined: Math.max(0, next.news.joined - 1) } }
  const wasTold = alert.toldBefore || (alert.joined > 0 && !isUntold)
  if (isUntold && !wasTold) {
    const muted = isMuted(group, { ...noCounts, [alert.severity]: 1 }, alerting, context.wallMs)
    next = { ...next, swallowed: next.swallowed + (muted ? 1 : 0) }
  } else if (wasTold) {
    next = {
      ...next,
      news: { ...next.news, resolved: next.news.resolved + 1 },
      resolvedSample: sampled(next.resolvedSample, sampleOf(alert)),
      resolvedBy: alert.byHand?.by ?? null,
    }
  }
  return total(next.firing) > 0 ? next : { ...next, overMs: context.nowMs }
}

function restarted(group: GroupState): GroupState {
  return {
    ...group,
    round: group.round + 1,
    stepsDone: 0,
    repeatsDone: 0,
    lastStepMs: 0,
    watch: null,
    toldInRound: [],
    clock: { ms: 0, sinceMs: null },
  }
}

function sampleOf(alert: AlertState): SampledAlert {
  const openings = alert.flappingUntilMs === null ? null : alert.openings.length
  return { ...notified(alert), joined: alert.joined, openings }
}

function threadIdOf(id: string, nowMs: number): string {
  return hash64(`${id} ${nowMs}`)
}

function codesOf(threadId: string): string[] {
  return codeLengths.map((length, turn) => codeOf(`${threadId} ${turn}`, length))
}

function longCode(threadId: string): string {
  return codeOf(threadId, longCodeLength)
}

function codeOf(text: string, length: number): string {
  let rest = BigInt(`0x${hash64(text)}`)
  const base = BigInt(codeAlphabet.length)
  let code = ''
  for (let index = 0; index < length; index++) {
    code += codeAlphabet[Number(rest % base)] ?? ''
    rest /= base
  }
  return code
}

function earliest(times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null)
  return known.length === 0 ? null : Math.min(...known)
}
