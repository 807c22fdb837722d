/**
 * What may be asked of a running engine about alerts, and what people do about them. As in `control.ts`, values are
 * plain JSON data with the names that go over the wire; moments are ISO 8601 texts in UTC.
 */
import type { Matcher } from '../core/alerts/definition.ts'
import type { Asked, Page } from './control.ts'

/** Whoever acts is in the audit trail. `via`: the way it came, such as `mqtt` or `http`. */
export interface Actor {
  readonly by: string
  readonly via: string
}

export type AlertPhase = 'pending' | 'firing' | 'resolved'

export interface AlertQuery {
  /** Pending and firing unless given. Resolved ones are remembered for some minutes. */
  readonly states?: readonly AlertPhase[] | undefined
  readonly rule?: string | undefined
  readonly match?: Matcher | undefined
  readonly limit: number
  /** The `next` of the page that was seen last. */
  readonly after?: string | undefined
}

export interface DeliveryQuery {
  /** All unless given. */
  readonly states?: readonly DeliveryView['state'][] | undefined
  /** Only these. */
  readonly ids?: readonly string[] | undefined
  readonly limit: number
  readonly after?: string | undefined
}

/**
 * Names of alerts are `<rule>/<fingerprint>`; of the fingerprint its beginning will do, if that is unique and at
 * least four characters long. What acts is answered once it is durable. A page of alerts or deliveries may be short,
 * even empty, before the last one: so much is looked at in one go.
 */
export interface AlertingControl {
  /** In the order of their names. */
  alerts(query: AlertQuery): Promise<Asked<Page<AlertView, string>>>
  /** `code`: all that the notification with this code told of. */
  ack(
    about: { readonly alert: string } | { readonly code: string },
    actor: Actor,
  ): Promise<Asked<AcknowledgedView>>
  /** It does not reopen before its condition was seen false. */
  resolve(alert: string, actor: Actor): Promise<Asked<{ readonly resolved: string }>>
  /** Asked again within a minute, the same silence is answered with and no other is made. */
  silence(
    silence: { readonly matcher: Matcher; readonly forMs: number; readonly comment: string },
    actor: Actor,
  ): Promise<Asked<SilencedView>>
  unsilence(id: string, actor: Actor): Promise<Asked<{ readonly ended: string }>>
  /** In the order in which they were made. */
  silences(query: {
    readonly limit: number
    readonly after?: string | undefined
  }): Promise<Asked<Page<SilenceView, string>>>
  /** In no order of meaning. */
  deliveries(query: DeliveryQuery): Promise<Asked<Page<DeliveryView, string>>>
  /** Sends a dead one again. */
  retry(delivery: string, actor: Actor): Promise<Asked<{ readonly retried: string }>>
  /** What was kept instead of being sent, newest first. */
  inbox(query: {
    readonly limit: number
    readonly before?: number | undefined
  }): Promise<Asked<Page<InboxView, number>>>
  /** Sends a test to every address of a receiver; `deliveries` tells by their ids what becomes of it. */
  notifyTest(receiver: string, actor: Actor): Promise<Asked<NotifiedTestView>>
}

export interface AlertView {
  /** `<rule>/<fingerprint>` */
  readonly name: string
  readonly rule: string
  readonly key: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly severity: 'info' | 'warning' | 'critical'
  readonly state: AlertPhase
  readonly summary: string
  readonly description: string | null
  /** What was measured, as people read it. */
  readonly values: Readonly<Record<string, string>>
  readonly since: string
  readonly resolved_at: string | null
  readonly acked: { readonly by: string; readonly at: string } | null
  readonly silenced: { readonly id: string; readonly until: string } | null
  readonly inhibited: boolean
  /** It goes up and down so often that its resolving is not told. */
  readonly flapping: boolean
  readonly episode: number
  /** Those it is told together with. */
  readonly group: { readonly policy: string; readonly labels: Readonly<Record<string, string>> } | null
  /** Acknowledges all of the group. */
  readonly ack_code: string | null
}

export interface AcknowledgedView {
  /** The alert's name, or the title of the conversation. */
  readonly acknowledged: string
}

export interface SilencedView extends SilenceView {
  /** How many open alerts it silences now; at most 10,000 are counted. */
  readonly alerts: number
}

export interface SilenceView {
  readonly id: string
  readonly match: Matcher
  readonly by: string
  readonly comment: string
  readonly created_at: string
  readonly until: string
}

export interface DeliveryView {
  readonly id: string
  readonly receiver: string
  readonly channel: string
  readonly address: string
  /** `leased`: an attempt is being made. `dead`: given up; `retry` sends it again. */
  readonly state: 'queued' | 'leased' | 'sent' | 'delivered' | 'undelivered' | 'dead'
  readonly kind: 'firing' | 'acknowledged' | 'resolved' | 'digest' | 'test' | 'message'
  readonly title: string
  readonly attempts: number
  readonly queued_at: string
  /** Of the latest attempt that failed. */
  readonly failure: { readonly reason: string; readonly message: string } | null
}

export interface InboxView {
  readonly seq: number
  readonly at: string
  readonly channel: string
  readonly to: string
  readonly subject: string | null
  readonly text: string
  readonly kind: string
  readonly severity: string
  readonly delivery: string
}

export interface NotifiedTestView {
  readonly receiver: string
  /** Empty when caps or a full line held it back. */
  readonly deliveries: readonly DeliveryView[]
}
