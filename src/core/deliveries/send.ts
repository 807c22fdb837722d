/** The line of one address: who is next, what is out of date, when it rests. Gives out one attempt at a time. */
import type { Alerting } from '../alerts/alerting.ts'
import { hash64 } from '../alerts/fingerprint.ts'
import type { Notification } from '../alerts/notification.ts'
import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import {
  type AddressState,
  addressDueMs,
  addressSliceId,
  type DeliveryState,
  deliveryId,
  deliveryLimits,
  deliverySliceId,
  type ToldState,
  toldSliceId,
} from './delivery-state.ts'

export function addressOf(read: SliceReader, id: string): AddressState | undefined {
  return read(id)?.data as AddressState | undefined
}

export function deliveryOf(read: SliceReader, id: string): DeliveryState | undefined {
  return read(deliverySliceId(id))?.data as DeliveryState | undefined
}

export function addressTimerNeeds(id: string, read: SliceReader): readonly string[] {
  const line = addressOf(read, id)
  const next = line === undefined ? null : nextOf(line)
  if (line === undefined || next === null) return [id]
  const delivery = deliveryOf(read, next)
  const told =
    delivery === undefined ? [] : [toldSliceId(delivery.threadId, delivery.channel, delivery.address)]
  return [id, deliverySliceId(next), ...told]
}

export function onAddressTimer(id: string, alerting: Alerting, context: StepContext): void {
  const { draft, nowMs } = context
  const read: SliceReader = (slice) => draft.read(slice)
  const line = addressOf(read, id)
  if (line === undefined) return
  const next = nextOf(line)
  if (next === null) {
    if (line.overflowed > 0) tellOverflow(line, alerting, context)
    draft.write(id, { ...line, overflowed: 0 }, null)
    return
  }
  if (line.busy !== null && line.busy.untilMs > nowMs) {
    draft.write(id, line, line.busy.untilMs)
    return
  }
  // A lease that has run out: the process died on the way, so it may have been sent.
  const isLeftOpen = line.busy?.delivery === next
  const delivery = deliveryOf(read, next)
  const queues = delivery?.state === 'queued' || delivery?.state === 'leased'
  if (delivery === undefined || !queues || delivery.notification === null) {
    skip(id, line, next, context)
    return
  }
  if (line.busy === null && line.restUntilMs > nowMs) {
    draft.write(id, line, line.restUntilMs)
    return
  }
  const uncertain = delivery.uncertain || isLeftOpen
  if (!uncertain && isOutOfDate(delivery, read)) {
    audit(delivery, 'dropped', { why: 'resolved before it was sent' }, context)
    draft.remove(deliverySliceId(next))
    settle(delivery, 'unsent', context)
    skip(id, line, next, context)
    return
  }
  if (nowMs - delivery.queuedMs > deliveryLimits.ageMs) {
    const failure = { reason: 'expired', message: 'It could not be sent for a day.' }
    skip(id, die(delivery, failure, line, context), next, context)
    return
  }
  settle(delivery, 'begun', context)
  const attempt = delivery.attempts + 1
  const untilMs = nowMs + deliveryLimits.leaseMs
  const attemptedMs = delivery.attemptedMs ?? context.wallMs
  draft.write(deliverySliceId(next), {
    ...delivery,
    state: 'leased',
    attempts: attempt,
    attemptedMs,
    uncertain,
  })
  const leased = { ...line, busy: { delivery: next, untilMs } }
  draft.write(id, leased, addressDueMs(leased, nowMs))
  const { receiver, channel, address, notification } = delivery
  context.outcome.deliveries.push({
    kind: 'deliver',
    delivery: next,
    receiver,
    channel,
    address,
    notification,
    attempt,
    uncertain,
    attemptedMs,
  })
}

/** One set aside is due again: it goes before the others. */
export function onDeliveryTimer(id: string, context: StepContext): void {
  const { draft, nowMs } = context
  const delivery = draft.read(id)?.data as DeliveryState | undefined
  if (delivery === undefined) return
  const lineId = addressSliceId(delivery.channel, delivery.address)
  const line = draft.read(lineId)?.data as AddressState | undefined
  if (delivery.state !== 'queued') {
    draft.remove(id)
    const isKept = delivery.state === 'dead' && delivery.notification !== null
    if (line !== undefined && isKept) {
      draft.write(lineId, { ...line, dead: Math.max(0, line.dead - 1) }, addressDueMs(line, nowMs))
    }
    return
  }
  if (line === undefined) return
  const next = { ...line, ahead: [...line.ahead, delivery.id], aside: Math.max(0, line.aside - 1) }
  draft.write(id, delivery)
  draft.write(lineId, next, addressDueMs(next, nowMs))
}

export function deliveryTimerNeeds(id: string, read: SliceReader): readonly string[] {
  const delivery = read(id)?.data as DeliveryState | undefined
  return delivery === undefined ? [id] : [id, addressSliceId(delivery.channel, delivery.address)]
}

/** Which delivery is at its turn; one that is being sent stays there. */
export function nextOf(line: AddressState): string | null {
  if (line.busy !== null) return line.busy.delivery
  const [ahead] = line.ahead
  if (ahead !== undefined) return ahead
  return line.head < line.next ? deliveryId(line.channel, line.address, line.head) : null
}

/** Takes a delivery out of its line, which goes on with the next. */
export function without(line: AddressState, delivery: string): AddressState {
  const free = line.busy?.delivery === delivery ? { ...line, busy: null } : line
  if (free.ahead.includes(delivery)) return { ...free, ahead: free.ahead.filter((one) => one !== delivery) }
  const isHead = free.head < free.next && deliveryId(free.channel, free.address, free.head) === delivery
  return isHead ? { ...free, head: free.head + 1 } : free
}

/** It will not be sent any more: kept for a while to be seen, and the step it belongs to learns of it. */
export function die(
  delivery: DeliveryState,
  failure: { readonly reason: string; readonly message: string },
  line: AddressState,
  context: StepContext,
): AddressState {
  const isWhole = line.dead < deliveryLimits.dead
  const notification = isWhole ? delivery.notification : null
  const dead: DeliveryState = { ...delivery, state: 'dead', failure, notification }
  context.draft.write(deliverySliceId(delivery.id), dead, context.nowMs + deliveryLimits.deadMs)
  audit(delivery, 'dead', { reason: failure.reason, message: failure.message }, context)
  settle(delivery, 'unsent', context)
  const { of } = delivery
  if (of !== null && of.step !== null) context.outcome.followUps.push({ type: 'undelivered', of })
  return isWhole ? { ...line, dead: line.dead + 1 } : line
}

/** Notes what its address has heard of the conversation. `failed`: it waits on, and is known not to have been sent. */
export function settle(
  delivery: DeliveryState,
  became: 'begun' | 'sent' | 'failed' | 'unsent',
  context: StepContext,
): void {
  const { kind, of, threadId, channel, address } = delivery
  if (of === null || (kind !== 'firing' && kind !== 'resolved')) return
  const id = toldSliceId(threadId, channel, address)
  const told = context.draft.read(id)?.data as ToldState | undefined
  if (told === undefined) return
  const isDone = became === 'sent' || became === 'unsent'
  if (kind === 'resolved') {
    if (!isDone || !told.ends) return
    if (told.waiting > 0) context.draft.write(id, { ...told, ends: false })
    else context.draft.remove(id)
    return
  }
  const next: ToldState = {
    ...told,
    waiting: Math.max(0, told.waiting - (isDone ? 1 : 0)),
    sent: told.sent || became === 'sent',
    maybe: became === 'begun',
  }
  const isOver = next.overRound !== null && of.round <= next.overRound
  if (next.waiting === 0 && isOver && !next.ends) context.draft.remove(id)
  else context.draft.write(id, next)
}

export function audit(
  delivery: DeliveryState,
  what: string,
  data: Readonly<Record<string, string | number | boolean | null>>,
  context: StepContext,
): void {
  const { id, receiver, channel, address, title } = delivery
  context.outcome.audit.push({
    subject: `delivery/${id}`,
    what,
    data: { ...data, receiver, channel, address, title, group: delivery.of?.group ?? null },
    atMs: context.wallMs,
  })
}

// ---- parts

/** A firing notice of which all has resolved since, or the end of what was never heard of. */
function isOutOfDate(delivery: DeliveryState, read: SliceReader): boolean {
  const { kind, of, threadId, channel, address } = delivery
  if (of === null || (kind !== 'firing' && kind !== 'resolved')) return false
  const told = read(toldSliceId(threadId, channel, address))?.data as ToldState | undefined
  if (kind === 'resolved') return told !== undefined && !told.sent && !told.maybe
  return told === undefined || (told.overRound !== null && of.round <= told.overRound)
}

function skip(id: string, line: AddressState, delivery: string, context: StepContext): void {
  const next = without(line, delivery)
  context.draft.write(id, next, addressDueMs(next, context.nowMs))
  // The next one need not wait for a timer.
  if (nextOf(next) !== null) context.outcome.followUps.push({ type: 'timer', slice: id })
}

function tellOverflow(line: AddressState, alerting: Alerting, context: StepContext): void {
  const { channel, address, overflowed } = line
  const text = `${overflowed} notifications were left out: more than ${deliveryLimits.queued} waited.`
  tellDigest(channel, address, text, alerting, context)
}

/** Tells an address in a text of its own what was not sent to it. */
export function tellDigest(
  channel: string,
  address: string,
  text: string,
  alerting: Alerting,
  context: StepContext,
): void {
  const place = alerting.place(channel, address)
  if (place === null) return
  const notification: Notification = {
    kind: 'digest',
    title: text,
    threadTitle: text,
    text,
    severity: 'info',
    alerts: [],
    more: 0,
    by: null,
    ackCode: null,
    ackUrl: null,
    threadId: hash64(`digest ${channel} ${address} ${context.nowMs}`),
    threadIndex: 0,
    atMs: context.wallMs,
    zone: alerting.zone,
  }
  const only = { channel, address }
  context.outcome.followUps.push({
    type: 'notify',
    receivers: [place.receiver],
    only,
    notification,
    of: null,
    last: false,
  })
}
