/** What a mail says, cleaned and cut to size, before it becomes text or HTML. */
import type { Notification, NotifiedAlert } from '../../core/alerts/notification.ts'
import type { Severity } from '../../core/rules/definition.ts'
import {
  alertName,
  byText,
  kindWord,
  shownLabels,
  stateText,
  timeText,
  webLink,
} from '../shared/alert-text.ts'
import { cleanLine, cleanText } from '../shared/clean-text.ts'

/** Characters, but `rows`: of values and of labels each. */
const limits = {
  subject: 200,
  title: 300,
  text: 5000,
  summary: 300,
  description: 2000,
  /** In a list of several alerts. */
  shortDescription: 200,
  rows: 12,
  /** In a list of several alerts. */
  shortRows: 6,
  name: 40,
  value: 200,
  shortValue: 60,
}

export interface MailAlert {
  readonly severity: Severity
  readonly isResolved: boolean
  readonly summary: string
  readonly description: string
  /** `firing for 2m`. */
  readonly state: string
  readonly since: string
  /** `overheating/4f7a90c2`. */
  readonly name: string
  readonly values: readonly (readonly [name: string, value: string])[]
  readonly labels: readonly (readonly [name: string, value: string])[]
}

export interface MailContent {
  readonly severity: Severity
  readonly isResolved: boolean
  /** `Critical · Firing`. */
  readonly badge: string
  readonly title: string
  readonly by: string | null
  readonly text: string
  readonly alerts: readonly MailAlert[]
  /** Alerts that are not listed. */
  readonly more: number
  readonly ackUrl: string | null
  readonly ackCode: string | null
  readonly zone: string
  readonly at: string
}

const severityWords: Readonly<Record<Severity, string>> = {
  info: 'Info',
  warning: 'Warning',
  critical: 'Critical',
}

export function subjectOf({ threadIndex, title, threadTitle }: Notification): string {
  // Gmail threads only what has the same subject, but for `Re:`.
  const subject =
    threadIndex === 0 ? cleanLine(title, limits.subject) : `Re: ${cleanLine(threadTitle, limits.subject)}`
  return subject === '' ? 'Alert' : subject
}

/** Lists the first `maxAlerts`, and counts the others. */
export function contentOf(notification: Notification, maxAlerts: number): MailContent {
  const { kind, severity, alerts, zone, atMs } = notification
  const isResolved = kind === 'resolved'
  const isAboutAlerts = kind === 'firing' || isResolved || kind === 'acknowledged'
  const listed = alerts.slice(0, maxAlerts)
  const by = byText(notification)
  return {
    severity,
    isResolved,
    badge: isResolved
      ? `Resolved · was ${severity}`
      : isAboutAlerts
        ? `${severityWords[severity]} · ${kindWord(kind)}`
        : kindWord(kind),
    title: cleanLine(notification.title, limits.title) || 'Alert',
    by: by === null ? null : cleanLine(by, limits.value),
    text: cleanText(notification.text, limits.text),
    alerts: listed.map((alert) => contentOfAlert(alert, alerts.length > 1, zone, atMs)),
    more: notification.more + alerts.length - listed.length,
    ackUrl: webLink(notification.ackUrl),
    ackCode: notification.ackCode === null ? null : cleanLine(notification.ackCode, 20),
    zone: cleanLine(zone, limits.name),
    at: timeText(atMs, zone),
  }
}

function contentOfAlert(alert: NotifiedAlert, isShort: boolean, zone: string, atMs: number): MailAlert {
  const rows = isShort ? limits.shortRows : limits.rows
  const clean = (pairs: readonly (readonly [string, string])[]) =>
    pairs
      .slice(0, rows)
      .map(
        ([name, value]) =>
          [
            cleanLine(name, limits.name),
            cleanLine(value, isShort ? limits.shortValue : limits.value),
          ] as const,
      )
  return {
    severity: alert.severity,
    isResolved: alert.state === 'resolved',
    summary: cleanLine(alert.summary, limits.summary),
    // What to do about it is of no use any more once it has ended.
    description:
      alert.state === 'resolved'
        ? ''
        : cleanText(alert.description ?? '', isShort ? limits.shortDescription : limits.description),
    state: stateText(alert, atMs),
    since: timeText(alert.sinceMs, zone),
    name: cleanLine(alertName(alert), limits.value),
    values: clean(Object.entries(alert.values)),
    labels: clean(shownLabels(alert)),
  }
}
