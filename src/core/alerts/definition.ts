/**
 * Policies, receivers and inhibitions as the user wrote them, after the schema has checked their shape: durations
 * are milliseconds, defaults are filled in.
 */
import type { Severity } from '../rules/definition.ts'

/** Label → the value it must have, a list of which it must have one, or `/pattern/`, also within a list. */
export type Matcher = Readonly<Record<string, string | readonly string[]>>

export interface PolicyStep {
  /** Since the group began firing, on the clock that stands still while nobody has to act. */
  readonly afterMs: number
  /** Names of receivers. */
  readonly notify: readonly string[]
}

export interface MuteDefinition {
  /** Name of the calendar in which nothing is sent. */
  readonly calendar: string
  /** Severities that are sent all the same. */
  readonly except: readonly Severity[]
}

export interface PolicyDefinition {
  /** `default` serves the alerts that name none; `none` cannot be defined. */
  readonly name: string
  /** Labels: alerts alike in all of them share one group. Empty: all alerts of the policy do. */
  readonly groupBy: readonly string[]
  /** How long the first notification waits for others of the group; 0 unless set. */
  readonly groupWaitMs: number
  /** What joins or resolves after that is gathered for so long before it is told; 5 minutes unless set. */
  readonly groupIntervalMs: number
  /** At least one, in the order of `afterMs`. */
  readonly steps: readonly PolicyStep[]
  /** Of the last step. `times: null`: until somebody acknowledges, or it resolves. */
  readonly repeat: { readonly everyMs: number; readonly times: number | null } | null
  /** How long an acknowledgement holds; null: until it resolves. */
  readonly ackTimeoutMs: number | null
  /** Whether those who were told are told when it resolves; true unless set. */
  readonly resolved: boolean
  readonly mute: readonly MuteDefinition[]
}

export interface ReceiverDefinition {
  readonly name: string
  readonly channels: readonly {
    /** Name of the channel: email, sms, webhook. */
    readonly channel: string
    /** What stands below that name, already parsed by the channel's own schema. */
    readonly target: unknown
  }[]
}

/** While an alert that matches `when` fires, those that match `mute` tell nobody. */
export interface InhibitDefinition {
  readonly when: Matcher
  readonly mute: Matcher
  /** Labels in which the two must be alike; empty: none. */
  readonly same: readonly string[]
}
