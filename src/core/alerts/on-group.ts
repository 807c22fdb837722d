/** A group's timer: steps that are due, what is new, what resolved; and the end of the group. */

import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import { durationText } from '../templates/duration-text.ts'
import { lingerMs } from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import { firingNotification, muteDigest, resolvedNotification } from './compose.ts'
import { groupOf, hastened, isSettled, keep, nextOnClock, owesResolved, unacknowledged } from './group.ts'
import { ackCodeSliceId, type GroupState, noCounts, total, worse, worst } from './group-state.ts'
import { clockMs, isMuted, nextMuteChangeMs } from './mute.ts'
import type { Notification } from './notification.ts'

export function groupTimerNeeds(id: string, read: SliceReader): readonly string[] {
  const group = groupOf(read, id)
  return group === undefined ? [id] : [id, ackCodeSliceId(group.ackCode)]
}

export function onGroupTimer(id: string, alerting: Alerting, context: StepContext): void {
  const before = groupOf((slice) => context.draft.read(slice), id)
  if (before === undefined) return
  const { nowMs, wallMs } = context
  let group = before
  if (group.ack?.untilMs != null && group.ack.untilMs <= nowMs && group.overMs === null) {
    const { by, atMs } = group.ack
    group = {
      ...unacknowledged(group),
      remark: `Acknowledged by ${by} ${durationText(wallMs - atMs)} ago, and still firing.`,
    }
    audit(context, id, 'ack-ran-out', { by })
  }
  const about = total(group.needy) > 0 ? group.needy : { ...noCounts, [group.worst]: 1 }
  const muted = isMuted(group, about, alerting, wallMs)
  const change = muted ? nextMuteChangeMs(group, about, alerting, context) : null
  const isSpent = muted ? isSettled(group, change) : !owesResolved(group) && group.swallowed === 0
  if (group.overMs !== null && group.overMs + lingerMs <= nowMs && isSpent) {
    forgetGroup(id, group, alerting, context)
    return
  }
  if (!muted) group = tellAll(id, group, alerting, context)
  keep(id, before, group, alerting, context)
}

/** Also what addresses remember of the conversation. */
function forgetGroup(id: string, group: GroupState, alerting: Alerting, context: StepContext): void {
  const notification = resolvedNotification(group, alerting, context.wallMs)
  const of = { group: id, round: group.round, step: null }
  context.outcome.followUps.push({
    type: 'notify',
    receivers: group.heard,
    notification,
    of,
    last: true,
    quiet: true,
  })
  context.draft.remove(id)
  context.draft.remove(ackCodeSliceId(group.ackCode))
}

function tellAll(id: string, before: GroupState, alerting: Alerting, context: StepContext): GroupState {
  let group = steps(id, before, alerting, context)
  const isOver = group.overMs !== null
  const isTime = group.lastToldMs !== null && context.nowMs >= group.lastToldMs + group.plan.groupIntervalMs
  const isFirst = group.stepsDone === 0
  if (isOver && owesResolved(group)) {
    group = tell(id, group, resolvedNotification(group, alerting, context.wallMs), group.told, null, context)
  } else if (!isOver && isTime && !isFirst && group.news.joined > 0 && total(group.needy) > 0) {
    const known = group
    const notification = firingNotification(known, alerting, context.wallMs)
    group = tell(id, known, notification, known.toldInRound, null, context)
    group = tellRest(id, known, group, known.toldInRound, alerting, context)
  } else if (!isOver && isTime && owesResolved(group)) {
    group = tell(id, group, resolvedNotification(group, alerting, context.wallMs), group.told, null, context)
  }
  if (group.swallowed > 0) {
    const receivers = group.plan.steps[0]?.notify ?? []
    group = tell(id, group, muteDigest(group, alerting, context.wallMs), receivers, null, context)
  }
  return group
}

/** The steps and repeats whose time has come, in their order. */
function steps(id: string, before: GroupState, alerting: Alerting, context: StepContext): GroupState {
  let group = before
  // A group that has just resolved has nobody to wait for: its clock stands.
  for (let turn = 0; turn <= group.plan.steps.length && total(group.needy) > 0; turn++) {
    const shownMs = clockMs(group, alerting, context)
    const atMs = nextOnClock(group)
    if (atMs === null || atMs > shownMs) return group
    const isRepeat = group.stepsDone >= group.plan.steps.length
    const step = isRepeat ? group.plan.steps.length - 1 : group.stepsDone
    const receivers = group.plan.steps[step]?.notify ?? []
    const notification = firingNotification(group, alerting, context.wallMs)
    const of = { group: id, round: group.round, step: isRepeat ? null : step }
    const known = group
    group = tell(id, group, notification, receivers, of, context)
    // What is new goes along to those who know of the others, and what resolved to those who knew of it.
    const peers = known.news.joined > 0 ? known.toldInRound.filter((name) => !receivers.includes(name)) : []
    if (peers.length > 0) group = tellToo(id, group, notification, peers, context)
    group = tellRest(id, known, group, [...receivers, ...peers], alerting, context)
    audit(context, id, isRepeat ? 'repeat' : 'step', { step: step + 1, receivers: receivers.join(', ') })
    if (isRepeat) return { ...group, repeatsDone: group.repeatsDone + 1, lastStepMs: shownMs }
    const left = placesOf(receivers, alerting)
    group = {
      ...group,
      stepsDone: group.stepsDone + 1,
      lastStepMs: Math.max(atMs, shownMs),
      watch: { step, left },
    }
    if (left === 0) group = hastened(group, alerting, context)
  }
  return group
}

function tell(
  id: string,
  group: GroupState,
  notification: Notification,
  receivers: readonly string[],
  of: { readonly group: string; readonly round: number; readonly step: number | null } | null,
  context: StepContext,
): GroupState {
  const last = notification.kind === 'resolved' && group.overMs !== null
  context.outcome.followUps.push({
    type: 'notify',
    receivers,
    notification,
    of: of ?? { group: id, round: group.round, step: null },
    last,
  })
  const isDigest = notification.kind === 'digest'
  return {
    ...group,
    threadTitle: notification.threadTitle,
    threadIndex: group.threadIndex + 1,
    told: isDigest ? group.told : union(group.told, receivers),
    heard: isDigest ? group.heard : union(group.heard, receivers),
    toldInRound: notification.kind === 'firing' ? union(group.toldInRound, receivers) : group.toldInRound,
    lastToldMs: isDigest ? group.lastToldMs : context.nowMs,
    toldUpTo: isDigest ? group.toldUpTo : group.joined,
    news: isDigest ? group.news : { joined: 0, resolved: 0 },
    resolvedSample: isDigest ? group.resolvedSample : [],
    worst: worse(group.worst, worst(group.needy) ?? 'info'),
    swallowed: 0,
    remark: '',
  }
}

/** What resolved, for those who knew of it and heard nothing just now. */
function tellRest(
  id: string,
  known: GroupState,
  group: GroupState,
  heard: readonly string[],
  alerting: Alerting,
  context: StepContext,
): GroupState {
  const rest = known.told.filter((name) => !heard.includes(name))
  if (!owesResolved(known) || rest.length === 0) return group
  return tellToo(id, group, resolvedNotification(known, alerting, context.wallMs), rest, context)
}

/** The same moment's news for others. */
function tellToo(
  id: string,
  group: GroupState,
  notification: Notification,
  receivers: readonly string[],
  context: StepContext,
): GroupState {
  const { threadIndex } = group
  return tell(id, group, { ...notification, threadIndex }, receivers, null, context)
}

function union(a: readonly string[], b: readonly string[]): readonly string[] {
  return [...new Set([...a, ...b])]
}

function placesOf(receivers: readonly string[], alerting: Alerting): number {
  const places = receivers.flatMap((name) =>
    alerting.addresses(name).map(({ channel, address }) => `${channel} ${address}`),
  )
  return new Set(places).size
}

function audit(
  context: StepContext,
  subject: string,
  what: string,
  data: Readonly<Record<string, string | number | boolean | null>>,
): void {
  context.outcome.audit.push({ subject, what, data, atMs: context.wallMs })
}
