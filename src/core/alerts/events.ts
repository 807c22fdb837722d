/** The events of alerting: what rules say of their alerts, what people do, what becomes of deliveries. */

import type { StepOf } from '../deliveries/delivery-state.ts'
import type { SendOutcome } from '../deliveries/send-outcome.ts'
import type { AlertTexts } from './alert-state.ts'
import type { Matcher } from './definition.ts'
import type { Notification } from './notification.ts'

/**
 * What a rule says of one of its keys. `lapsed`: its condition was seen false while it goes on firing; `ended`: it is
 * not open any more.
 */
export interface AlertEvent {
  readonly type: 'alert'
  readonly rule: string
  readonly key: readonly string[]
  /** The same by name. */
  readonly named: Readonly<Record<string, string>>
  readonly change: 'pending' | 'firing' | 'changed' | 'lapsed' | 'ended'
  /** Null when they are not needed, or could not be made. */
  readonly texts: AlertTexts | null
  readonly policy: string
  readonly because: 'condition' | 'forgotten' | 'rule_removed'
}

/** Somebody or something is to be told; what follows from a group goes this way, and what stands alone. */
export interface NotifyEvent {
  readonly type: 'notify'
  readonly receivers: readonly string[]
  /** Only to this address of theirs. */
  readonly only?: { readonly channel: string; readonly address: string }
  readonly notification: Notification
  readonly of: StepOf | null
  /** All of the conversation is resolved. */
  readonly last: boolean
  /** Nothing is sent: the conversation is forgotten. */
  readonly quiet?: boolean
}

/** Judge an alert again: silences, inhibitions or rules have changed. */
export interface RecheckEvent {
  readonly type: 'recheck'
  readonly slice: string
}

/** All deliveries of a step are as good as never made, one of them at a time. */
export interface UndeliveredEvent {
  readonly type: 'undelivered'
  readonly of: StepOf
}

export interface Asked {
  readonly by: string
  /** `mqtt`, `http`, `email`, `sms`, `cli`, `test`. */
  readonly via: string
}

/** Which alert or group an answer is about. `alert`: `<rule>/<fingerprint>`; `latest`: what an address was told last. */
export type About =
  | { readonly alert: string }
  | { readonly code: string }
  | { readonly latest: { readonly channel: string; readonly address: string } }
  | { readonly group: string }

export interface AckEvent extends Asked {
  readonly type: 'ack'
  readonly about: About
}

export interface ResolveEvent extends Asked {
  readonly type: 'resolve'
  /** `<rule>/<fingerprint>` */
  readonly alert: string
}

export interface SilenceEvent extends Asked {
  readonly type: 'silence'
  readonly matcher: Matcher
  readonly forMs: number
  readonly comment: string
}

export interface UnsilenceEvent extends Asked {
  readonly type: 'unsilence'
  readonly id: string
}

/** What became of an attempt; `outcome: null`: nobody makes it any more, and it is to be given out again. */
export interface AttemptEvent {
  readonly type: 'attempt'
  readonly delivery: string
  readonly attempt: number
  readonly outcome: SendOutcome | null
  /** With `outcome: null`: the process that made it died, so it may have been sent. Else it was not begun. */
  readonly uncertain?: true
}

/** The provider tells later what became of what it took. */
export interface ConfirmEvent {
  readonly type: 'confirm'
  readonly delivery: string
  readonly state: 'delivered' | 'undelivered'
  /** In words, when it was not delivered. */
  readonly message: string
}

/** A dead delivery is tried again. */
export interface RetryEvent extends Asked {
  readonly type: 'retry'
  readonly delivery: string
}

export type AlertingEvent =
  | AlertEvent
  | NotifyEvent
  | RecheckEvent
  | UndeliveredEvent
  | AckEvent
  | ResolveEvent
  | SilenceEvent
  | UnsilenceEvent
  | AttemptEvent
  | ConfirmEvent
  | RetryEvent

/** One attempt that is to be made now: at most one at a time for an address. */
export interface Deliver {
  readonly kind: 'deliver'
  readonly delivery: string
  readonly receiver: string
  readonly channel: string
  readonly address: string
  readonly notification: Notification
  /** From 1. */
  readonly attempt: number
  /** An earlier attempt may have gone through: ask the provider first, if it can be asked. */
  readonly uncertain: boolean
  /** When its first attempt began, this one or an earlier; wall clock, ms since the epoch. */
  readonly attemptedMs: number
}

/** To whom asked. */
export type Answer =
  | { readonly ok: true; readonly done: string; readonly about: string }
  | {
      readonly ok: false
      readonly reason: 'not-found' | 'wrong' | 'full' | 'already'
      readonly message: string
    }

/** For the audit trail. */
export interface AuditEntry {
  readonly subject: string
  readonly what: string
  readonly data: Readonly<Record<string, string | number | boolean | null>>
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
}

/** Alerts that match are to be judged again: one `recheck` event for each. */
export interface Recheck {
  readonly matcher: Matcher
  /** Only members of this group. */
  readonly group?: string
}
