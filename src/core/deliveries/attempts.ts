/** What becomes of deliveries: the outcome of an attempt, what the provider says later, and another try by hand. */

import type { Alerting } from '../alerts/alerting.ts'
import type { AttemptEvent, ConfirmEvent, RetryEvent } from '../alerts/events.ts'
import type { SliceReader } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import {
  type AddressState,
  addressDueMs,
  addressSliceId,
  backoffMs,
  type DeliveryState,
  deliveryLimits,
  deliverySliceId,
  emptyAddress,
  toldSliceId,
} from './delivery-state.ts'
import { addressOf, audit, deliveryOf, die, nextOf, settle, without } from './send.ts'
import type { SendOutcome } from './send-outcome.ts'

/** These may lie with the one message: others say that nothing goes through at all, and it waits at its place. */
const ownReasons: ReadonlySet<string> = new Set(['server-error', 'refused', 'bad-recipient', 'too-large'])

type Failed = Extract<SendOutcome, { ok: false }>

export function attemptNeeds(id: string, read: SliceReader): readonly string[] {
  const delivery = deliveryOf(read, id)
  if (delivery === undefined) return [deliverySliceId(id)]
  const { channel, address, threadId } = delivery
  return [deliverySliceId(id), addressSliceId(channel, address), toldSliceId(threadId, channel, address)]
}

export function onAttempt(event: AttemptEvent, alerting: Alerting, context: StepContext): void {
  const read: SliceReader = (slice) => context.draft.read(slice)
  const delivery = deliveryOf(read, event.delivery)
  if (delivery === undefined) return
  const lineId = addressSliceId(delivery.channel, delivery.address)
  const line = addressOf(read, lineId) ?? emptyAddress(delivery.channel, delivery.address)
  const { outcome } = event
  const isOpen = delivery.state === 'leased' || delivery.state === 'queued'
  const isCurrent = delivery.state === 'leased' && delivery.attempts === event.attempt
  if (outcome?.ok === true && isOpen) {
    // Also when its lease had run out: what was sent needs no other attempt.
    sent(delivery, outcome, alerting, context)
    go(lineId, { ...without(line, delivery.id), failures: 0, restUntilMs: 0 }, context)
    return
  }
  if (!isCurrent) return
  if (outcome === null && event.uncertain === true) {
    context.draft.write(deliverySliceId(delivery.id), { ...delivery, state: 'queued', uncertain: true })
    go(lineId, { ...line, busy: null }, context)
    return
  }
  if (outcome === null) {
    // It was not made: the line was long. Nothing is counted.
    context.draft.write(deliverySliceId(delivery.id), {
      ...delivery,
      state: 'queued',
      attempts: delivery.attempts - 1,
    })
    if (!delivery.uncertain) settle(delivery, 'failed', context)
    go(lineId, { ...line, busy: null }, context)
    return
  }
  if (outcome.ok) return
  failed(delivery, outcome, lineId, line, context)
}

export function onConfirm(event: ConfirmEvent, context: StepContext): void {
  const delivery = deliveryOf((slice) => context.draft.read(slice), event.delivery)
  if (delivery === undefined || (delivery.state !== 'sent' && delivery.state !== 'leased')) return
  if (event.state === 'delivered') {
    audit(delivery, 'delivered', {}, context)
    if (delivery.state === 'sent') {
      const next = { ...delivery, state: 'delivered' as const }
      context.draft.write(deliverySliceId(delivery.id), next, context.nowMs + deliveryLimits.sentMs)
    }
    return
  }
  if (delivery.state !== 'sent') return
  const failure = { reason: 'undelivered', message: event.message }
  const next = { ...delivery, state: 'undelivered' as const, failure }
  context.draft.write(deliverySliceId(delivery.id), next, context.nowMs + deliveryLimits.deadMs)
  audit(delivery, 'undelivered', { message: event.message }, context)
  const { of } = delivery
  if (of !== null && of.step !== null) context.outcome.followUps.push({ type: 'undelivered', of })
}

export function onRetry(event: RetryEvent, context: StepContext): void {
  const { answers } = context.outcome
  const delivery = deliveryOf((slice) => context.draft.read(slice), event.delivery)
  if (delivery === undefined || delivery.state !== 'dead' || delivery.notification === null) {
    const message = `There is no dead delivery ${event.delivery.slice(0, 60)}.`
    answers.push({ ok: false, reason: 'not-found', message })
    return
  }
  const lineId = addressSliceId(delivery.channel, delivery.address)
  const line =
    addressOf((slice) => context.draft.read(slice), lineId) ??
    emptyAddress(delivery.channel, delivery.address)
  if (line.ahead.length >= deliveryLimits.ahead) {
    const message = `${deliveryLimits.ahead} deliveries to it are being tried again already.`
    answers.push({ ok: false, reason: 'full', message })
    return
  }
  const again = { ...delivery, state: 'queued' as const, of: null, ambiguous: false, queuedMs: context.nowMs }
  context.draft.write(deliverySliceId(delivery.id), again)
  const dead = Math.max(0, line.dead - 1)
  go(lineId, { ...line, dead, ahead: [...line.ahead, delivery.id], restUntilMs: 0 }, context)
  audit(delivery, 'retry', { by: event.by, via: event.via }, context)
  answers.push({ ok: true, done: 'tried again', about: delivery.id })
}

// ---- parts

function sent(
  delivery: DeliveryState,
  outcome: Extract<SendOutcome, { ok: true }>,
  alerting: Alerting,
  context: StepContext,
): void {
  const confirms =
    alerting
      .addresses(delivery.receiver)
      .find(({ channel, address }) => channel === delivery.channel && address === delivery.address)
      ?.confirms === true && outcome.state === 'sent'
  const { sentMs, unconfirmedMs } = deliveryLimits
  context.draft.write(
    deliverySliceId(delivery.id),
    {
      ...delivery,
      state: outcome.state,
      notification: null,
      providerId: outcome.providerId,
      failure: null,
    },
    context.nowMs + (confirms ? unconfirmedMs : sentMs),
  )
  audit(delivery, outcome.state, { attempts: delivery.attempts }, context)
  settle(delivery, 'sent', context)
}

function failed(
  delivery: DeliveryState,
  outcome: Failed,
  lineId: string,
  line: AddressState,
  context: StepContext,
): void {
  const { nowMs } = context
  const { kind, reason, message } = outcome
  const failure = { reason, message }
  audit(delivery, 'attempt-failed', { kind, reason, message, attempt: delivery.attempts }, context)
  const isLost = kind === 'permanent' || (kind === 'ambiguous' && delivery.ambiguous)
  if (isLost) {
    go(lineId, without(die(delivery, failure, line, context), delivery.id), context)
    return
  }
  const ambiguous = delivery.ambiguous || kind === 'ambiguous'
  const again: DeliveryState = {
    ...delivery,
    state: 'queued',
    failure,
    ambiguous,
    uncertain: delivery.uncertain || ambiguous,
  }
  if (!again.uncertain) settle(delivery, 'failed', context)
  const failures = line.failures + 1
  const restMs = Math.max(backoffMs(delivery.id, failures), outcome.retryAfterMs ?? 0)
  const resting = { ...line, failures, restUntilMs: Math.min(nowMs + restMs, nowMs + deliveryLimits.ageMs) }
  const isPoison =
    ownReasons.has(reason) &&
    again.attempts >= deliveryLimits.asideAfter &&
    line.aside < deliveryLimits.asideCount &&
    line.next - line.head + line.ahead.length > 1
  if (isPoison) {
    // Those behind it may fare better.
    context.draft.write(deliverySliceId(delivery.id), again, nowMs + asideMs(again.attempts))
    const freed = without(resting, delivery.id)
    go(lineId, { ...freed, aside: freed.aside + 1 }, context)
    return
  }
  context.draft.write(deliverySliceId(delivery.id), again)
  go(lineId, { ...resting, busy: null }, context)
}

/** Doubles with every attempt beyond those that were made at its place. */
function asideMs(attempts: number): number {
  const { asideAfter, firstAsideMs, mostAsideMs } = deliveryLimits
  return Math.min(mostAsideMs, firstAsideMs * 2 ** Math.min(attempts - asideAfter, 20))
}

/** Writes the line and, when something waits that may go now, lets it go in the same step. */
function go(id: string, line: AddressState, context: StepContext): void {
  const dueMs = addressDueMs(line, context.nowMs)
  const overflowed = line.overflowed > 0 && nextOf(line) === null
  context.draft.write(id, line, overflowed ? context.nowMs : dueMs)
  if (dueMs !== null && dueMs <= context.nowMs && line.busy === null)
    context.outcome.followUps.push({ type: 'timer', slice: id })
}
