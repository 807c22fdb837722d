/** What is kept of one alert while it lives, and a while after: `alert/<rule>/<fingerprint>`. */
import type { Severity } from '../rules/definition.ts'
import { sliceId } from '../state.ts'
import type { NotifiedAlert } from './notification.ts'

/** What a rule says of its alert, rendered. */
export interface AlertTexts {
  readonly severity: Severity
  readonly summary: string
  readonly description: string | null
  readonly labels: Readonly<Record<string, string>>
  /** What was measured, by name. */
  readonly values: Readonly<Record<string, string>>
}

/** Somebody takes care of it. Moments on the steady clock unless they are called wall. */
export interface Acknowledgement {
  readonly by: string
  readonly via: string
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
  /** Steady ms; null: until it resolves. */
  readonly untilMs: number | null
}

export interface AlertState extends AlertTexts {
  readonly rule: string
  readonly fingerprint: string
  readonly key: Readonly<Record<string, string>>
  /** Name of its rule's policy, or `none`. */
  readonly policy: string
  readonly state: 'pending' | 'firing' | 'resolved'
  /** Rises with every opening; the steady ms of the opening unless that was taken. */
  readonly episode: number
  /** Wall clock, ms since the epoch. */
  readonly sinceMs: number
  readonly resolvedMs: number | null
  readonly because: 'condition' | 'forgotten' | 'rule_removed' | 'by hand' | null
  readonly ack: Acknowledgement | null
  readonly silence: { readonly id: string; readonly untilMs: number } | null
  /** The slice of the inhibition that mutes it. */
  readonly inhibitedBy: string | null
  /** The inhibitions that it counts in while it fires. */
  readonly mutes: readonly string[]
  /** The slice of its group while it is a member there. */
  readonly group: string | null
  /** Its position among those who joined the group; 0 while it has never needed anybody. */
  readonly joined: number
  /** The group told of it before it joined anew, so its end is news whether it is told of again or not. */
  readonly toldBefore: boolean
  /** Its latest openings, steady ms, oldest first. */
  readonly openings: readonly number[]
  /** When it may leave its group if it stays quiet, steady ms; null when it is not flapping. */
  readonly flappingUntilMs: number | null
  /** Resolved by hand while its rule still fires; `lapsed` once `when` was seen false. */
  readonly byHand: { readonly by: string; readonly lapsed: boolean } | null
}

/** So long after it resolved an alert is remembered: it reopens as the one it was, and reopenings are counted. */
export const lingerMs = 600_000
/** With so many openings within that time it is flapping. */
export const flappingOpenings = 3
/** Openings counted at most. */
export const openingsLimit = 100

export function alertSliceId(rule: string, fingerprint: string): string {
  return sliceId('alert', rule, fingerprint)
}

/** How people name it. */
export function alertName({ rule, fingerprint }: Pick<AlertState, 'rule' | 'fingerprint'>): string {
  return `${rule}/${fingerprint}`
}

export function isFlapping(alert: AlertState): boolean {
  return alert.flappingUntilMs !== null
}

/** A member that nobody needs to care for now. */
export function isHeld(alert: AlertState): boolean {
  return (
    alert.ack !== null || alert.silence !== null || alert.inhibitedBy !== null || alert.state !== 'firing'
  )
}

export function notified(alert: AlertState): NotifiedAlert {
  const { rule, fingerprint, severity, summary, description, labels, values, sinceMs } = alert
  const resolved = alert.state === 'resolved' && alert.flappingUntilMs === null
  return {
    rule,
    fingerprint,
    severity,
    state: resolved ? 'resolved' : 'firing',
    summary,
    description,
    labels,
    values,
    sinceMs,
    resolvedMs: resolved ? alert.resolvedMs : null,
  }
}
