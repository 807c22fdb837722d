/** The alert's own topic: `tocsin/alerts/<rule>/<fingerprint>` holds it, retained, while it lives. */
import type { StepContext } from '../step-context.ts'
import { type AlertState, alertName, isFlapping } from './alert-state.ts'
import type { Alerting } from './alerting.ts'
import type { GroupState } from './group-state.ts'

export const alertTopicPrefix = 'tocsin/alerts/'

/** An alert as machines read it; times are ISO 8601 in UTC. */
export function alertView(alert: AlertState, group: GroupState | null): Readonly<Record<string, unknown>> {
  const groupAck = group?.ack != null && alert.joined > 0 && alert.joined <= group.ack.upTo ? group.ack : null
  const ack = alert.ack ?? groupAck
  return {
    alert: alertName(alert),
    rule: alert.rule,
    fingerprint: alert.fingerprint,
    episode: `${alert.fingerprint}-${alert.episode.toString(36)}`,
    key: alert.key,
    state: alert.state,
    severity: alert.severity,
    summary: alert.summary,
    description: alert.description,
    labels: alert.labels,
    values: alert.values,
    policy: alert.policy,
    since: new Date(alert.sinceMs).toISOString(),
    resolved: alert.resolvedMs === null ? null : new Date(alert.resolvedMs).toISOString(),
    ack: ack === null ? null : { by: ack.by, via: ack.via, at: new Date(ack.atMs).toISOString() },
    ack_code: group?.ackCode ?? null,
    silenced: alert.silence?.id ?? null,
    inhibited: alert.inhibitedBy !== null,
    flapping: isFlapping(alert),
  }
}

/** Pushes the effect when what is to be seen has changed; nothing when it never was. */
export function publishAlert(
  before: AlertState | null,
  after: AlertState | null,
  group: GroupState | null,
  alerting: Alerting,
  context: StepContext,
): void {
  const { broker } = alerting
  const subject = after ?? before
  if (broker === null || subject === null) return
  const wasShown = before !== null && before.state !== 'resolved'
  const isShown = after !== null && after.state !== 'resolved'
  if (!wasShown && !isShown) return
  const payload = isShown ? encoder.encode(JSON.stringify(alertView(after, group))) : new Uint8Array(0)
  context.outcome.effects.push({
    kind: 'publish',
    broker,
    message: { topic: `${alertTopicPrefix}${alertName(subject)}`, payload, qos: 1, retain: true },
  })
}

const encoder = new TextEncoder()
