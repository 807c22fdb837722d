/** Alerts, silences, deliveries and kept messages as people and programs are shown them. */
import { type AlertState, alertName, isFlapping } from '../core/alerts/alert-state.ts'
import type { GroupState } from '../core/alerts/group-state.ts'
import type { Silence } from '../core/alerts/silences.ts'
import type { DeliveryState } from '../core/deliveries/delivery-state.ts'
import type { AlertView, DeliveryView, InboxView, SilenceView } from '../ports/alerting-control.ts'
import type { JournalEntry } from '../ports/store.ts'
import { fields, isoTime, text } from './journal-views.ts'

/** `offsetMs`: from the steady time of the engine to the wall clock. */
export function alertView(alert: AlertState, group: GroupState | null, offsetMs: number): AlertView {
  const { rule, key, labels, severity, state, summary, description, values, episode } = alert
  const ack = alert.ack ?? groupAck(alert, group)
  return {
    name: alertName(alert),
    rule,
    key,
    labels,
    severity,
    state,
    summary,
    description,
    values,
    since: isoTime(alert.sinceMs),
    resolved_at: state === 'resolved' && alert.resolvedMs !== null ? isoTime(alert.resolvedMs) : null,
    acked: ack === null || state !== 'firing' ? null : { by: ack.by, at: isoTime(ack.atMs) },
    silenced:
      alert.silence === null
        ? null
        : { id: alert.silence.id, until: isoTime(alert.silence.untilMs + offsetMs) },
    inhibited: alert.inhibitedBy !== null,
    flapping: isFlapping(alert),
    episode,
    group: group === null ? null : { policy: group.policy, labels: group.labels },
    ack_code: group === null || state !== 'firing' ? null : group.ackCode,
  }
}

/** Of the group's acknowledgement, when it was there at the time. */
function groupAck({ joined }: AlertState, group: GroupState | null): GroupState['ack'] {
  const ack = group?.ack ?? null
  return ack !== null && joined > 0 && joined <= ack.upTo ? ack : null
}

export function silenceView({ id, matcher, by, comment, createdMs, endsMs }: Silence): SilenceView {
  return { id, match: matcher, by, comment, created_at: isoTime(createdMs), until: isoTime(endsMs) }
}

/** `offsetMs`: as for alerts. */
export function deliveryView(delivery: DeliveryState, offsetMs: number): DeliveryView {
  const { id, receiver, channel, address, state, kind, title, attempts, queuedMs, failure } = delivery
  return {
    id,
    receiver,
    channel,
    address,
    state,
    kind,
    title,
    attempts,
    queued_at: isoTime(queuedMs + offsetMs),
    failure: failure === null ? null : { reason: failure.reason, message: failure.message },
  }
}

export function inboxView({ seq, atMs, data }: JournalEntry): InboxView {
  const { channel, to, subject, text: body, kind, severity, delivery } = fields(data)
  return {
    seq,
    at: isoTime(atMs),
    channel: text(channel),
    to: text(to),
    subject: typeof subject === 'string' ? text(subject) : null,
    text: typeof body === 'string' ? body : '',
    kind: text(kind),
    severity: text(severity),
    delivery: text(delivery),
  }
}
