/**
 * Finds the message on which the broker closes the connection each time it is sent: one that is too large on MQTT
 * 3.1.1, or on a topic that it does not like. All others would wait behind it without end.
 */
import type { OutboundMessage } from '../core/message.ts'
import type { DownCause } from './link-failure.ts'

export interface Sent {
  readonly message: OutboundMessage
  /** On the clock of `lost`, ms. */
  readonly sentAt: number
}

/** A message is given up once the broker has closed the connection on it so often in a row. */
export const closesBeforeGivingUp = 5
/** A close so long after it was sent has another reason. */
const closeWithinMs = 5_000
/** Reasons of a DISCONNECT that have nothing to do with a message: busy, shutting down, taken over, moved (3.14.2.1). */
const otherReasons: ReadonlySet<number> = new Set([0x89, 0x8b, 0x8d, 0x8e, 0x98, 0x9c, 0x9d, 0x9f, 0xa0])

export class ClosingMessage {
  #suspect: { readonly message: OutboundMessage; readonly closes: number } | null = null

  /** The broker has taken the message after all. */
  acknowledged(message: OutboundMessage): void {
    if (this.#suspect !== null && isSame(this.#suspect.message, message)) this.#suspect = null
  }

  /**
   * The connection was lost. `oldest`: of what waited for its PUBACK; brokers take messages in their order, so that
   * is the one on which it closed, if any. `wasWell`: it had acknowledged something on this connection. True when
   * `oldest` is to be given up.
   */
  lost(oldest: Sent | undefined, cause: DownCause, wasWell: boolean, nowMs: number): boolean {
    if (oldest === undefined || !wasWell || !isByBroker(cause)) return false
    const { message, sentAt } = oldest
    if (nowMs - sentAt > closeWithinMs) return false
    const before = this.#suspect !== null && isSame(this.#suspect.message, message) ? this.#suspect.closes : 0
    this.#suspect = before + 1 < closesBeforeGivingUp ? { message, closes: before + 1 } : null
    return this.#suspect === null
  }
}

function isByBroker(cause: DownCause): boolean {
  if (cause.kind === 'disconnect') return !otherReasons.has(cause.code)
  return cause.kind === 'closed' || (cause.kind === 'socket' && cause.opened)
}

function isSame(a: OutboundMessage, b: OutboundMessage): boolean {
  return a.topic === b.topic && a.retain === b.retain && Buffer.compare(a.payload, b.payload) === 0
}
