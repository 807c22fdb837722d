/** A group's timer: steps that are due, what is new, what resolved; and the end of the group. */

import type { StepContext } from '../rules/evaluate.ts'
import type { SliceReader } from '../state.ts'
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
  if (group.overMs !== null && group.overMs + lingerMs <= nowMs && (!muted || isSettled(group, change))) {
    if (!owesResolved(group) || muted) {
      const notification = resolvedNotification(group, alerting, wallMs)
      const of = { group: id, round: group.round, step: null }
      context.outcome.followUps.push({
        type: 'notify',
        receivers: group.told,
        notification,
        of,
        last: true,
        quiet: true,
      })
      context.draft.remove(id)
      context.draft.remove(ackCodeSliceId(group.ackCode))
      return
    }
  }
  if (!muted) group = tellAll(id, group, alerting, context)
  keep(id, before, group, alerting, context)
}

function tellAll(id: string, before: GroupState, alerting: Alerting, context: StepContext): GroupState {
  let group = steps(id, before, alerting, context)
  const isOver = group.overMs !== null
  const isTime = group.lastToldMs !== null && context.nowMs >= group.lastToldMs + group.plan.groupIntervalMs
  const isFirst = group.stepsDone === 0
  if (isOver && owesResolved(group)) {
    group = tell(id, group, resolvedNotification(group, alerting, context.wallMs), group.told, null, context)
  } else if (!isOver && isTime && !isFirst && group.news.joined > 0 && total(group.needy) > 0) {
    group = tell(id, group, firingNotification(group, alerting, context.wallMs), group.told, null, context)
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
    // What is new goes along to those who know of the others.
    const all =
      group.news.joined > 0 || group.news.resolved > 0
        ? [...new Set([...receivers, ...group.told])]
        : receivers
    const others = all.filter((name) => !receivers.includes(name))
    const notification = firingNotification(group, alerting, context.wallMs)
    const of = { group: id, round: group.round, step: isRepeat ? null : step }
    const index = group.threadIndex
    group = tell(id, group, notification, receivers, of, context)
    if (others.length > 0) {
      group = tell(id, { ...group, threadIndex: index }, notification, others, null, context)
    }
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
    told: isDigest ? group.told : [...new Set([...group.told, ...receivers])],
    lastToldMs: isDigest ? group.lastToldMs : context.nowMs,
    toldUpTo: isDigest ? group.toldUpTo : group.joined,
    news: isDigest ? group.news : { joined: 0, resolved: 0 },
    resolvedSample: isDigest ? group.resolvedSample : [],
    worst: worse(group.worst, worst(group.needy) ?? 'info'),
    swallowed: 0,
    remark: '',
  }
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
