/** What is said about an alert in every channel: state in a word, times in the notification's zone. */
import type { Notification, NotificationKind, NotifiedAlert } from '../../core/alerts/notification.ts'
import { dateText } from '../../core/templates/date-text.ts'
import { durationText } from '../../core/templates/duration-text.ts'

const kindWords: Readonly<Record<NotificationKind, string>> = {
  firing: 'Firing',
  acknowledged: 'Acknowledged',
  resolved: 'Resolved',
  digest: 'Summary',
  test: 'Test',
  message: 'Message',
}

export function kindWord(kind: NotificationKind): string {
  return kindWords[kind]
}

/** `Fri 31 Jul 2026, 14:05`; UTC when the platform does not know the zone. */
export function timeText(atMs: number, zone: string): string {
  const format = '%a %-d %b %Y, %H:%M'
  return dateText(atMs, format, zone) ?? dateText(atMs, format, 'UTC') ?? 'an unknown time'
}

/** How long it has been, or was, firing; `0s` when the clocks disagree. */
export function lastedText(alert: NotifiedAlert, atMs: number): string {
  const lastedMs = (alert.resolvedMs ?? atMs) - alert.sinceMs
  return durationText(lastedMs >= 1000 ? lastedMs : 0).replace(/^0ms$/, '0s')
}

/** `firing for 2m`, `resolved after 14m`. */
export function stateText(alert: NotifiedAlert, atMs: number): string {
  return alert.state === 'resolved'
    ? `resolved after ${lastedText(alert, atMs)}`
    : `firing for ${lastedText(alert, atMs)}`
}

/** Who did it, for a line under the title; null when nobody did. */
export function byText({ kind, by }: Notification): string | null {
  if (by === null) return null
  if (kind === 'acknowledged') return `Acknowledged by ${by}`
  return kind === 'resolved' ? `Resolved by ${by}` : null
}

/** The name by which people ask for it: `overheating/4f7a90c2`. */
export function alertName(alert: NotifiedAlert): string {
  return `${alert.rule}/${alert.fingerprint}`
}

/** Only a web address may become a link. */
export function webLink(url: string | null): string | null {
  if (url === null) return null
  const parsed = URL.parse(url)
  return parsed !== null && (parsed.protocol === 'https:' || parsed.protocol === 'http:') ? parsed.href : null
}

/** The labels without what is shown elsewhere. */
export function shownLabels(alert: NotifiedAlert): [string, string][] {
  return Object.entries(alert.labels).filter(([name]) => name !== 'rule' && name !== 'severity')
}
