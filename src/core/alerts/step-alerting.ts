/**
 * The alerting half of `step`: which slices its events and timers need, and what they do. One slice names the next
 * here, so the needs are asked for again until all are loaded.
 */
import { attemptNeeds, onAttempt, onConfirm, onRetry } from '../deliveries/attempts.ts'
import { notifyNeeds, onNotify } from '../deliveries/notify.ts'
import { onCapsTimer } from '../deliveries/on-caps.ts'
import { addressTimerNeeds, deliveryTimerNeeds, onAddressTimer, onDeliveryTimer } from '../deliveries/send.ts'
import type { Event, TimerEvent } from '../event.ts'
import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import type { Alerting } from './alerting.ts'
import type { AlertingEvent } from './events.ts'
import { lost } from './group.ts'
import { alertNeeds, eventSlice, labelsOf, onAlert, onAlertTimer, recheckAlert } from './on-alert.ts'
import {
  ackNeeds,
  onAck,
  onResolve,
  onSilence,
  onSilencesTimer,
  onUnsilence,
  resolveNeeds,
} from './on-answer.ts'
import { groupTimerNeeds, onGroupTimer } from './on-group.ts'
import { silencesSliceId } from './silences.ts'

/** Timers of slices that nobody looks after any more are looked at again so much later. */
const lookAgainMs = 3_600_000

const timers = new Set(['alert', 'group', 'silences', 'address', 'delivery', 'caps'])

/** Whether a slice's timer belongs to alerting. Such timers wait for no queued messages. */
export function isAlertingSlice(slice: string): boolean {
  const end = slice.indexOf('/')
  return timers.has(end < 0 ? slice : slice.slice(0, end))
}

/** The event, if it is alerting's. */
export function alertingEvent(event: Event): AlertingEvent | TimerEvent | null {
  switch (event.type) {
    case 'timer':
      return isAlertingSlice(event.slice) ? event : null
    case 'message':
    case 'oversized':
    case 'link':
    case 'expect':
    case 'forget':
    case 'keep':
    case 'drop':
    case 'command':
      return null
    default:
      return event
  }
}

/** What can be said from what `read` knows; ask again with more loaded until it names nothing new. */
export function alertingNeeds(
  alerting: Alerting | null,
  event: AlertingEvent | TimerEvent,
  read: SliceReader,
  nowMs: number,
): readonly string[] {
  if (alerting === null) return event.type === 'timer' ? [event.slice] : []
  switch (event.type) {
    case 'alert': {
      const opening = event.texts === null ? null : { labels: labelsOf(event), policy: event.policy }
      return alertNeeds(eventSlice(event), opening, alerting, read, nowMs)
    }
    case 'recheck':
      return alertNeeds(event.slice, null, alerting, read, nowMs)
    case 'notify':
      return notifyNeeds(event, alerting)
    case 'undelivered':
      return [event.of.group]
    case 'ack':
      return ackNeeds(event.about, alerting, read, nowMs)
    case 'resolve':
      return resolveNeeds(event, alerting, read, nowMs)
    case 'silence':
    case 'unsilence':
      return [silencesSliceId]
    case 'attempt':
    case 'confirm':
    case 'retry':
      return attemptNeeds(event.delivery, read)
    case 'timer':
      return timerNeeds(event.slice, alerting, read, nowMs)
  }
}

export function stepAlerting(
  alerting: Alerting | null,
  ruleHasAlerts: (rule: string) => boolean,
  event: AlertingEvent | TimerEvent,
  context: StepContext,
): void {
  if (alerting === null) {
    const slice = event.type === 'timer' ? context.draft.read(event.slice) : undefined
    if (slice !== undefined) context.draft.write(slice.id, slice.data, context.nowMs + lookAgainMs)
    return
  }
  switch (event.type) {
    case 'alert':
      onAlert(event, alerting, context)
      return
    case 'recheck':
      recheckAlert(event.slice, ruleHasAlerts, alerting, context)
      return
    case 'notify':
      onNotify(event, alerting, context)
      return
    case 'undelivered':
      lost(event.of, alerting, context)
      return
    case 'ack':
      onAck(event, alerting, context)
      return
    case 'resolve':
      onResolve(event, alerting, context)
      return
    case 'silence':
      onSilence(event, context)
      return
    case 'unsilence':
      onUnsilence(event, context)
      return
    case 'attempt':
      onAttempt(event, alerting, context)
      return
    case 'confirm':
      onConfirm(event, context)
      return
    case 'retry':
      onRetry(event, context)
      return
    case 'timer':
      onTimer(event.slice, alerting, context)
      return
  }
}

function timerNeeds(id: string, alerting: Alerting, read: SliceReader, nowMs: number): readonly string[] {
  switch (kindOf(id)) {
    case 'alert':
      return alertNeeds(id, null, alerting, read, nowMs)
    case 'group':
      return groupTimerNeeds(id, read)
    case 'address':
      return addressTimerNeeds(id, read)
    case 'delivery':
      return deliveryTimerNeeds(id, read)
    default:
      return [id]
  }
}

function onTimer(id: string, alerting: Alerting, context: StepContext): void {
  switch (kindOf(id)) {
    case 'alert':
      onAlertTimer(id, alerting, context)
      return
    case 'group':
      onGroupTimer(id, alerting, context)
      return
    case 'address':
      onAddressTimer(id, alerting, context)
      return
    case 'delivery':
      onDeliveryTimer(id, context)
      return
    case 'caps':
      onCapsTimer(id, alerting, context)
      return
    case 'silences':
      onSilencesTimer(context)
      return
  }
}

function kindOf(id: string): string {
  return id.split('/', 1)[0] ?? ''
}
