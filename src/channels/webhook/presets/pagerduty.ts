/**
 * PagerDuty's Events API v2: https://developer.pagerduty.com/docs/events-api-v2/trigger-events/
 * One event per alert, by its fingerprint: PagerDuty keeps each alert's state itself, and takes what it has already
 * seen as the same.
 */
import { createHash } from 'node:crypto'
import type { Notification, NotifiedAlert } from '../../../core/alerts/notification.ts'
import { webLink } from '../../shared/alert-text.ts'
import { cleanLine, cleanText } from '../../shared/clean-text.ts'
import { cleanMap, isoTime } from '../notification-fields.ts'
import { field, type Preset } from './preset.ts'

const limits = { summary: 1024, source: 255, key: 255, description: 4000 }

type Action = 'trigger' | 'acknowledge' | 'resolve'

function actionOf(kind: Notification['kind'], isResolved: boolean): Action {
  if (isResolved || kind === 'resolved') return 'resolve'
  return kind === 'acknowledged' ? 'acknowledge' : 'trigger'
}

function dedupKey(id: string): string {
  return id.length <= limits.key ? id : createHash('sha256').update(id).digest('hex')
}

export const pagerduty: Preset = {
  requests(notification, target) {
    const { kind, alerts, threadId } = notification
    const link = webLink(notification.ackUrl)
    const event = (action: Action, key: string, payload: object) => ({
      url: target.url,
      body: {
        routing_key: target.routingKey,
        event_action: action,
        dedup_key: dedupKey(key),
        // Only a trigger is read beyond its key.
        ...(action === 'trigger' ? { client: 'Tocsin', payload } : {}),
        ...(action !== 'trigger' || link === null
          ? {}
          : { links: [{ href: link, text: 'Acknowledge in Tocsin' }] }),
      },
    })
    if (alerts.length === 0) return [event(actionOf(kind, false), threadId, payloadOf(notification))]
    return alerts.map((alert) =>
      event(
        actionOf(kind, alert.state === 'resolved'),
        `${alert.rule}/${alert.fingerprint}`,
        payloadOfAlert(alert, notification),
      ),
    )
  },
  idOf(answer) {
    const key = field(answer, 'dedup_key')
    return typeof key === 'string' ? key : null
  },
}

function payloadOf({ title, text, severity, atMs }: Notification): object {
  return {
    summary: cleanLine(title, limits.summary) || 'Alert',
    source: 'Tocsin',
    severity,
    timestamp: isoTime(atMs),
    custom_details: { text: cleanText(text, limits.description) },
  }
}

function payloadOfAlert(alert: NotifiedAlert, { title, more }: Notification): object {
  const source = alert.labels.device ?? alert.rule
  return {
    summary: cleanLine(alert.summary, limits.summary) || cleanLine(title, limits.summary) || 'Alert',
    source: cleanLine(source, limits.source) || 'Tocsin',
    severity: alert.severity,
    timestamp: isoTime(alert.sinceMs),
    class: cleanLine(alert.rule, limits.source),
    custom_details: {
      ...(alert.description === null
        ? {}
        : { description: cleanText(alert.description, limits.description) }),
      values: cleanMap(alert.values),
      labels: cleanMap(alert.labels),
      ...(more > 0 ? { more_alerts: more } : {}),
    },
  }
}
