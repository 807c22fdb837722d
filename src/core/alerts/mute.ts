/** Calendars in which a policy holds back what it would tell, and the escalation clock that waits with it. */
import type { Alerting } from './alerting.ts'
import { type Counts, type GroupState, total } from './group-state.ts'

/** A clock that was not looked at for long steps over so many boundaries; what lies beyond counts in full. */
const boundaryLimit = 1_000
const severities = ['info', 'warning', 'critical'] as const

export interface Moment {
  readonly nowMs: number
  readonly wallMs: number
}

/** Whether a group that has to tell of these must wait. */
export function isMuted(group: GroupState, about: Counts, alerting: Alerting, wallMs: number): boolean {
  return muting(group, about, alerting).some((calendar) => calendar.contains(wallMs))
}

/** When that may change, steady ms; null when it never does. */
export function nextMuteChangeMs(
  group: GroupState,
  about: Counts,
  alerting: Alerting,
  { nowMs, wallMs }: Moment,
): number | null {
  let nextMs: number | null = null
  for (const calendar of muting(group, about, alerting)) {
    const boundary = calendar.nextBoundary(wallMs)
    if (boundary === null) continue
    const atMs = boundary - wallMs + nowMs
    if (nextMs === null || atMs < nextMs) nextMs = atMs
  }
  return nextMs
}

/** What the escalation clock shows. */
export function clockMs(group: GroupState, alerting: Alerting, { nowMs, wallMs }: Moment): number {
  const { ms, sinceMs } = group.clock
  if (sinceMs === null) return ms
  if (group.plan.mute.length === 0) return ms + nowMs - sinceMs
  let runMs = ms
  let atMs = sinceMs
  for (let passed = 0; atMs < nowMs; passed++) {
    const atWallMs = atMs - nowMs + wallMs
    const next = nextMuteChangeMs(group, group.needy, alerting, { nowMs: atMs, wallMs: atWallMs })
    const untilMs = next === null || passed >= boundaryLimit ? nowMs : Math.min(next, nowMs)
    if (!isMuted(group, group.needy, alerting, atWallMs)) runMs += untilMs - atMs
    atMs = untilMs
  }
  return runMs
}

/** Runs the clock while somebody has to act, and lets it stand else. Call after every change of the counts. */
export function settled(
  before: GroupState,
  after: GroupState,
  alerting: Alerting,
  moment: Moment,
): GroupState {
  const isNeedy = total(after.needy) > 0
  const same = before.needy === after.needy && before.clock === after.clock
  if (same && isNeedy === (after.clock.sinceMs !== null)) return after
  // What has passed is reckoned with those who were needy meanwhile.
  const ms = after.clock === before.clock ? clockMs(before, alerting, moment) : after.clock.ms
  return { ...after, clock: { ms, sinceMs: isNeedy ? moment.nowMs : null } }
}

function muting(group: GroupState, about: Counts, alerting: Alerting) {
  return group.plan.mute.flatMap(({ calendar, except }) => {
    if (severities.some((severity) => about[severity] > 0 && except.includes(severity))) return []
    const found = alerting.calendars.get(calendar)
    return found === undefined ? [] : [found]
  })
}
