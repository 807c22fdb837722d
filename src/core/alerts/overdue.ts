/** Whether a group's next step should have been told long ago: reckoned from its state alone, not from its timer. */
import type { Alerting } from './alerting.ts'
import { nextOnClock } from './group.ts'
import { type GroupState, total } from './group-state.ts'
import { clockMs, isMuted, type Moment } from './mute.ts'

/** How long a step has been due; 0 when none is, or while nobody may be told. */
export function stepOverdueMs(group: GroupState, alerting: Alerting, moment: Moment): number {
  if (total(group.needy) === 0 || isMuted(group, group.needy, alerting, moment.wallMs)) return 0
  const nextMs = nextOnClock(group)
  return nextMs === null ? 0 : Math.max(0, clockMs(group, alerting, moment) - nextMs)
}
