/** What is told to a receiver, before a channel gives it a form. Plain data: it is stored until it has arrived. */
import type { Severity } from '../rules/definition.ts'

/** `acknowledged` is for systems that keep a status of their own, such as PagerDuty: people are not told. */
export type NotificationKind = 'firing' | 'acknowledged' | 'resolved' | 'digest' | 'test' | 'message'

/** One alert as a notification shows it. */
export interface NotifiedAlert {
  readonly rule: string
  /** Short hexadecimal identity of rule and key. */
  readonly fingerprint: string
  readonly severity: Severity
  readonly state: 'firing' | 'resolved'
  readonly summary: string
  readonly description: string | null
  readonly labels: Readonly<Record<string, string>>
  /** What was measured, as people should read it (`36.2 °C`), by name; may be empty. */
  readonly values: Readonly<Record<string, string>>
  /** Wall clock, ms since the epoch. */
  readonly sinceMs: number
  readonly resolvedMs: number | null
}

export interface Notification {
  readonly kind: NotificationKind
  /** One line: the start of an SMS, the subject of a conversation's first mail. */
  readonly title: string
  /** The title of the conversation's first notification: mails keep it as their subject, or they would not thread. */
  readonly threadTitle: string
  /** For `message` and `digest`: the text itself; else what stands above the alerts, may be empty. */
  readonly text: string
  /** The worst of what it tells. */
  readonly severity: Severity
  /** At most 20; `more` counts those left out. */
  readonly alerts: readonly NotifiedAlert[]
  readonly more: number
  /** Who acknowledged, or resolved by hand; null when nobody did. */
  readonly by: string | null
  /** What a reply by SMS names, e.g. `4F7`; null when nothing can be acknowledged. */
  readonly ackCode: string | null
  /** Where a person can acknowledge; null without a web address. */
  readonly ackUrl: string | null
  /** All notifications of one conversation bear the same id: mails thread by it. */
  readonly threadId: string
  /** Position in the conversation, from 0. */
  readonly threadIndex: number
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
  /** IANA zone for the times in texts. */
  readonly zone: string
}
