/**
 * What is kept of one group: `group/<policy>/<label values>`. It counts its members instead of listing them, so that
 * every change of an alert costs the same, however many there are.
 */
import type { Severity } from '../rules/definition.ts'
import { sliceId } from '../state.ts'
import type { Acknowledgement, AlertState } from './alert-state.ts'
import type { PolicyDefinition } from './definition.ts'
import type { Labels } from './matcher.ts'
import type { NotifiedAlert } from './notification.ts'

export type Counts = Readonly<Record<Severity, number>>

/** An alert as the group shows it. */
export interface SampledAlert extends NotifiedAlert {
  readonly joined: number
  /** How often it opened lately; null when it is not flapping. */
  readonly openings: number | null
}

export interface GroupState {
  readonly policy: string
  /** Those it is grouped by. */
  readonly labels: Labels
  /** As it was when the group opened; receivers and calendars are looked up when they are needed. */
  readonly plan: PolicyDefinition
  readonly threadId: string
  /** Empty until something was told. */
  readonly threadTitle: string
  /** Notifications of this conversation so far. */
  readonly threadIndex: number
  readonly ackCode: string
  /** Members that joined so far; the latest number given. */
  readonly joined: number
  /** Members that fire, by severity: all; those whom nothing holds; of these, those who joined after the group's ack. */
  readonly firing: Counts
  readonly open: Counts
  readonly needy: Counts
  /** Everybody who joined up to this number is acknowledged. */
  readonly ack: (Acknowledgement & { readonly upTo: number }) | null
  /** Time during which somebody had to act and could be told; `sinceMs` (steady) while it runs. */
  readonly clock: { readonly ms: number; readonly sinceMs: number | null }
  /** Counts the starts of the escalation. */
  readonly round: number
  readonly stepsDone: number
  readonly repeatsDone: number
  /** On the clock, when the last step or its latest repeat was told. */
  readonly lastStepMs: number
  /** Of the latest step: how many of its deliveries are not lost. */
  readonly watch: { readonly step: number; readonly left: number } | null
  /** Receivers who were told in this conversation. */
  readonly told: readonly string[]
  /** Those of them who were told since the escalation last began: they hear of who joins. */
  readonly toldInRound: readonly string[]
  /** Receivers of whom something is remembered until the group is forgotten: it may have ended and begun anew. */
  readonly heard: readonly string[]
  readonly lastToldMs: number | null
  /** Those who joined up to this number have been told of. */
  readonly toldUpTo: number
  /** What changed since: joined and still there; resolved after it was told. */
  readonly news: { readonly joined: number; readonly resolved: number }
  /** The newest; those who left are taken out. */
  readonly sample: readonly SampledAlert[]
  readonly resolvedSample: readonly SampledAlert[]
  /** The worst that was told in this conversation. */
  readonly worst: Severity
  readonly resolvedBy: string | null
  /** Came and went while muted, untold. */
  readonly swallowed: number
  /** Said once, with the next notification. */
  readonly remark: string
  /** Since when nothing fires, steady ms; null while something does. */
  readonly overMs: number | null
}

/** Notifications list so many alerts. */
export const sampleLimit = 20

const severities: readonly Severity[] = ['critical', 'warning', 'info']
export const noCounts: Counts = { info: 0, warning: 0, critical: 0 }

export function groupSliceId(policy: PolicyDefinition, labels: Labels): string {
  return sliceId('group', policy.name, ...policy.groupBy.map((name) => labels[name] ?? ''))
}

export function ackCodeSliceId(code: string): string {
  return sliceId('ackcode', code)
}

export function total(counts: Counts): number {
  return counts.info + counts.warning + counts.critical
}

export function worst(counts: Counts): Severity | null {
  return severities.find((severity) => counts[severity] > 0) ?? null
}

export function worse(a: Severity, b: Severity): Severity {
  return severities.indexOf(a) <= severities.indexOf(b) ? a : b
}

export function added(counts: Counts, severity: Severity, by: 1 | -1): Counts {
  return { ...counts, [severity]: Math.max(0, counts[severity] + by) }
}

/** How an alert counts in its group. */
export interface Membership {
  readonly severity: Severity
  readonly held: boolean
  readonly joined: number
}

export function membership(alert: AlertState, held: boolean): Membership {
  return { severity: alert.severity, held, joined: alert.joined }
}

/** Counts a member in or out. */
export function counted(group: GroupState, { severity, held, joined }: Membership, by: 1 | -1): GroupState {
  const isNeedy = !held && joined > (group.ack?.upTo ?? 0)
  return {
    ...group,
    firing: added(group.firing, severity, by),
    open: held ? group.open : added(group.open, severity, by),
    needy: isNeedy ? added(group.needy, severity, by) : group.needy,
  }
}

/** Puts an alert among the newest, in place of what was known of it; of too many the mildest and oldest goes. */
export function sampled(sample: readonly SampledAlert[], alert: SampledAlert): readonly SampledAlert[] {
  const at = sample.findIndex((other) => isSame(other, alert))
  if (at >= 0) return sample.with(at, alert)
  if (sample.length < sampleLimit) return [...sample, alert]
  const mildest = severities.findLast((severity) => sample.some((other) => other.severity === severity))
  if (mildest !== undefined && worse(mildest, alert.severity) === mildest && mildest !== alert.severity)
    return sample
  const out = sample.findIndex((other) => other.severity === mildest)
  return [...sample.toSpliced(out, 1), alert]
}

export function unsampled(
  sample: readonly SampledAlert[],
  alert: Pick<NotifiedAlert, 'rule' | 'fingerprint'>,
): readonly SampledAlert[] {
  return sample.some((other) => isSame(other, alert))
    ? sample.filter((other) => !isSame(other, alert))
    : sample
}

function isSame(
  a: Pick<NotifiedAlert, 'rule' | 'fingerprint'>,
  b: Pick<NotifiedAlert, 'rule' | 'fingerprint'>,
): boolean {
  return a.rule === b.rule && a.fingerprint === b.fingerprint
}
