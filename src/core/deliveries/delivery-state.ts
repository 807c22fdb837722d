/**
 * What waits to be sent: `delivery/<id>` is one notification for one address, `address/<channel>/<address>` the line
 * of those for one address, `told/<thread>/<channel>/<address>` whether an address has heard of a conversation.
 */

import { hash64 } from '../alerts/fingerprint.ts'
import type { Notification } from '../alerts/notification.ts'
import { sliceId } from '../state.ts'
import type { CapsState } from './caps.ts'

export type DeliveryPhase = 'queued' | 'leased' | 'sent' | 'delivered' | 'undelivered' | 'dead'

/** Which step of which group a delivery belongs to: when all of a step are lost, the next step comes at once. */
export interface StepOf {
  readonly group: string
  readonly round: number
  /** Null: an update or a repeat, for which nothing is brought forward. */
  readonly step: number | null
}

export interface DeliveryState {
  readonly id: string
  readonly receiver: string
  readonly channel: string
  readonly address: string
  readonly state: DeliveryPhase
  /** Null once it was sent: only the title is kept. */
  readonly notification: Notification | null
  readonly title: string
  readonly kind: Notification['kind']
  readonly threadId: string
  readonly of: StepOf | null
  /** Attempts that were begun. */
  readonly attempts: number
  /** When the first of them began; wall clock, ms since the epoch. */
  readonly attemptedMs: number | null
  /** An attempt ended without an answer, so it may have been sent. */
  readonly uncertain: boolean
  /** The provider left one attempt open: a second time ends it. */
  readonly ambiguous: boolean
  readonly queuedMs: number
  /** Of the latest failure. */
  readonly failure: { readonly reason: string; readonly message: string } | null
  readonly providerId: string | null
}

export interface AddressState {
  readonly channel: string
  readonly address: string
  /** Numbers of deliveries: the first that waits, and the next to be given. */
  readonly head: number
  readonly next: number
  /** Deliveries out of their turn: tried again by hand, or set aside and due again. */
  readonly ahead: readonly string[]
  /** How many are set aside. */
  readonly aside: number
  readonly busy: { readonly delivery: string; readonly untilMs: number } | null
  /** Failures in a row, and until when it rests for them, steady ms. */
  readonly failures: number
  readonly restUntilMs: number
  /** The latest group it was told of, for an answer that names none. */
  readonly latestGroup: string | null
  /** Dead deliveries that are kept whole, to be tried again by hand. */
  readonly dead: number
  /** Notifications that were left out because too many wait. */
  readonly overflowed: number
}

export interface ToldState {
  /** Firing notices that wait. */
  readonly waiting: number
  readonly sent: boolean
  /** An attempt is under way, or ended without an answer. */
  readonly maybe: boolean
  /** The notice that all is resolved waits. */
  readonly ends: boolean
  /** Notices of this round and before are out of date: all is resolved. */
  readonly overRound: number | null
}

export interface CapsSliceState {
  readonly caps: CapsState
}

export const deliveryLimits = {
  /** An attempt must have ended by then; channels end theirs after 60 s. */
  leaseMs: 120_000,
  /** What could not be sent for so long is given up. */
  ageMs: 24 * 3_600_000,
  firstBackoffMs: 1_000,
  mostBackoffMs: 60_000,
  /** After so many failures it makes room for those behind it, and is tried again so much later, and later. */
  asideAfter: 5,
  firstAsideMs: 60_000,
  mostAsideMs: 1_800_000,
  asideCount: 100,
  /** Deliveries that wait for one address. */
  queued: 10_000,
  /** How long it is remembered that something was sent, was sent without word of its arrival, was lost. */
  sentMs: 3_600_000,
  unconfirmedMs: 24 * 3_600_000,
  deadMs: 7 * 24 * 3_600_000,
  /** Dead deliveries of an address that are kept whole; of more only the title is. */
  dead: 1_000,
  /** Deliveries that are tried again by hand at once. */
  ahead: 1_000,
}

export function addressSliceId(channel: string, address: string): string {
  return sliceId('address', channel, address)
}

export function deliverySliceId(id: string): string {
  return sliceId('delivery', id)
}

export function toldSliceId(threadId: string, channel: string, address: string): string {
  return sliceId('told', threadId, channel, address)
}

export function capsSliceId(channel: string): string {
  return sliceId('caps', channel)
}

export function emptyAddress(channel: string, address: string): AddressState {
  return {
    channel,
    address,
    head: 0,
    next: 0,
    ahead: [],
    aside: 0,
    busy: null,
    failures: 0,
    restUntilMs: 0,
    latestGroup: null,
    dead: 0,
    overflowed: 0,
  }
}

/** Unique and the same on every engine: message ids and idempotency keys are made of it. */
export function deliveryId(channel: string, address: string, number: number): string {
  return `${hash64(sliceId(channel, address))}-${number.toString(36)}`
}

/** When something waits for this address, steady ms; null when nothing does. */
export function addressDueMs(state: AddressState, nowMs: number): number | null {
  if (state.busy !== null) return state.busy.untilMs
  if (state.head === state.next && state.ahead.length === 0) return null
  return Math.max(nowMs, state.restUntilMs)
}

/** Doubles, with a spread that derives from the id: half to all of the time. */
export function backoffMs(id: string, failures: number): number {
  const { firstBackoffMs, mostBackoffMs } = deliveryLimits
  const full = Math.min(mostBackoffMs, firstBackoffMs * 2 ** Math.min(failures - 1, 20))
  const spread = Number.parseInt(hash64(`${id} ${failures}`).slice(0, 8), 16) / 0xffff_ffff
  return Math.ceil(full * (0.5 + spread / 2))
}
