/** A notification as webhooks see it: what a template of the body may name, and what is sent when none is written. */
import type { Notification } from '../../core/alerts/notification.ts'
import type { Roots } from '../../core/roots.ts'
import { webLink } from '../shared/alert-text.ts'
import { cleanLine, cleanText } from '../shared/clean-text.ts'

const limits = {
  title: 1000,
  text: 10_000,
  summary: 1000,
  description: 4000,
  value: 1000,
  name: 100,
  entries: 100,
}

type Fields = Readonly<Record<(typeof names)[number], unknown>>

// biome-ignore format: a list of words
const names = [
  'delivery_id', 'kind', 'title', 'text', 'severity', 'alerts', 'more', 'by', 'ack_code', 'ack_url', 'thread_id',
  'at', 'zone',
] as const

/** Times are ISO 8601 in UTC. */
export function fieldsOf(notification: Notification, deliveryId: string): Fields {
  const { kind, severity, more, by, ackCode, ackUrl, threadId, atMs, zone } = notification
  return {
    delivery_id: deliveryId,
    kind,
    title: cleanLine(notification.title, limits.title),
    text: cleanText(notification.text, limits.text),
    severity,
    alerts: notification.alerts.map((alert) => ({
      rule: alert.rule,
      fingerprint: alert.fingerprint,
      severity: alert.severity,
      state: alert.state,
      summary: cleanLine(alert.summary, limits.summary),
      description: alert.description === null ? null : cleanText(alert.description, limits.description),
      labels: cleanMap(alert.labels),
      values: cleanMap(alert.values),
      since: isoTime(alert.sinceMs),
      resolved: alert.resolvedMs === null ? null : isoTime(alert.resolvedMs),
    })),
    more,
    by: by === null ? null : cleanLine(by, limits.value),
    ack_code: ackCode,
    ack_url: webLink(ackUrl),
    thread_id: threadId,
    at: isoTime(atMs),
    zone,
  }
}

export const fieldRoots: Roots<Fields> = {
  resolve: (name) => (isName(name) ? (fields) => fields[name] : null),
  names: () => names,
}

function isName(name: string): name is keyof Fields {
  return (names as readonly string[]).includes(name)
}

export function cleanMap(map: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(map)
      .slice(0, limits.entries)
      .map(([name, value]) => [cleanLine(name, limits.name), cleanLine(value, limits.value)]),
  )
}

/** Null outside of the years that ISO 8601 writes with four digits. */
export function isoTime(atMs: number): string | null {
  return atMs >= 0 && atMs < 253_402_300_800_000 ? new Date(atMs).toISOString() : null
}
