/** A notification becomes one delivery for each address; caps and full lines hold it back, counted. */
import type { Alerting, ReceiverAddress } from '../alerts/alerting.ts'
import type { NotifyEvent } from '../alerts/events.ts'
import type { StepContext } from '../step-context.ts'
import { admit, noCapsState } from './caps.ts'
import {
  type AddressState,
  addressDueMs,
  addressSliceId,
  type CapsSliceState,
  capsSliceId,
  type DeliveryState,
  deliveryId,
  deliveryLimits,
  deliverySliceId,
  emptyAddress,
  type ToldState,
  toldSliceId,
} from './delivery-state.ts'

const noTold: ToldState = { waiting: 0, sent: false, maybe: false, ends: false, overRound: null }

export function notifyNeeds(event: NotifyEvent, alerting: Alerting): readonly string[] {
  return placesFor(event, alerting).flatMap(({ address: { channel, address, caps } }) => [
    addressSliceId(channel, address),
    toldSliceId(event.notification.threadId, channel, address),
    ...(caps === null ? [] : [capsSliceId(channel)]),
  ])
}

export function onNotify(event: NotifyEvent, alerting: Alerting, context: StepContext): void {
  for (const { receiver, address } of placesFor(event, alerting)) one(event, receiver, address, context)
}

function one(event: NotifyEvent, receiver: string, to: ReceiverAddress, context: StepContext): void {
  const { notification, of, last } = event
  const { draft, nowMs } = context
  const { channel, address } = to
  const toldId = toldSliceId(notification.threadId, channel, address)
  const told = (draft.read(toldId)?.data as ToldState | undefined) ?? noTold
  const { kind } = notification
  if (event.quiet === true) {
    if (told.waiting > 0 || told.ends) draft.write(toldId, { ...told, overRound: of?.round ?? null })
    else draft.remove(toldId)
    return
  }
  const isFollowing = kind === 'resolved' || kind === 'acknowledged'
  // Who never heard of it needs not hear that it is over.
  if (isFollowing && !told.sent && !told.maybe) {
    if (!last) return
    if (told.waiting > 0) draft.write(toldId, { ...told, overRound: of?.round ?? null })
    else draft.remove(toldId)
    return
  }
  const id = addressSliceId(channel, address)
  const line = (draft.read(id)?.data as AddressState | undefined) ?? emptyAddress(channel, address)
  if (line.next - line.head >= deliveryLimits.queued) {
    draft.write(id, { ...line, overflowed: line.overflowed + 1 }, addressDueMs(line, nowMs))
    lost(event, context, receiver, to, 'queue-full')
    return
  }
  const refused = capped(event, to, context)
  if (refused !== null) {
    lost(event, context, receiver, to, refused)
    if (last) draft.remove(toldId)
    return
  }
  const delivery: DeliveryState = {
    id: deliveryId(channel, address, line.next),
    receiver,
    channel,
    address,
    state: 'queued',
    notification,
    title: notification.title,
    kind,
    threadId: notification.threadId,
    of,
    attempts: 0,
    attemptedMs: null,
    uncertain: false,
    ambiguous: false,
    queuedMs: nowMs,
    failure: null,
    providerId: null,
  }
  draft.write(deliverySliceId(delivery.id), delivery)
  const isFiring = kind === 'firing' && of !== null
  const next = { ...line, next: line.next + 1, latestGroup: isFiring ? of.group : line.latestGroup }
  draft.write(id, next, addressDueMs(next, nowMs))
  if (isFiring) draft.write(toldId, { ...told, waiting: told.waiting + 1 })
  else if (last) draft.write(toldId, { ...told, overRound: of?.round ?? null, ends: true })
}

/** Why the caps hold it back; null when they let it through. */
function capped({ notification }: NotifyEvent, to: ReceiverAddress, context: StepContext): string | null {
  if (to.caps === null) return null
  const id = capsSliceId(to.channel)
  const slice = context.draft.read(id)
  const caps = (slice?.data as CapsSliceState | undefined)?.caps ?? noCapsState
  const { severity } = notification
  const request = { number: to.address, units: 1, price: to.price, severity, nowMs: context.nowMs }
  const admission = admit(to.caps, caps, request)
  // What was held back is summed up as soon as something may be sent again.
  const digestMs = admission.ok ? null : admission.untilMs
  const dueMs = slice?.dueMs ?? digestMs
  context.draft.write(id, { caps: admission.state }, dueMs)
  return admission.ok ? null : admission.reason
}

function lost(
  { notification, of }: NotifyEvent,
  context: StepContext,
  receiver: string,
  { channel, address }: ReceiverAddress,
  why: string,
): void {
  context.outcome.audit.push({
    subject: of?.group ?? receiver,
    what: 'held-back',
    data: { receiver, channel, address, why, title: notification.title },
    atMs: context.wallMs,
  })
  context.outcome.notices.push({
    kind: 'notification-held-back',
    rule: '',
    message: `${receiver} (${channel}): ${why}`,
  })
  if (of !== null && of.step !== null) context.outcome.followUps.push({ type: 'undelivered', of })
}

/** Every address once, also when several of the receivers have it. */
function placesFor(
  { receivers, notification, only }: NotifyEvent,
  alerting: Alerting,
): readonly { readonly receiver: string; readonly address: ReceiverAddress }[] {
  const places = new Map<string, { receiver: string; address: ReceiverAddress }>()
  for (const receiver of receivers) {
    for (const address of alerting.addresses(receiver)) {
      if (notification.kind === 'acknowledged' && !address.keepsStatus) continue
      if (only !== undefined && (only.channel !== address.channel || only.address !== address.address))
        continue
      const id = addressSliceId(address.channel, address.address)
      if (!places.has(id)) places.set(id, { receiver, address })
    }
  }
  return [...places.values()]
}
