/**
 * Notices a broker that keeps the connection but delivers no QoS 1 messages any more. Mosquitto 2.0 does so after it has
 * dropped packets of a full send buffer: it takes them as sent and waits for their acknowledgements until the
 * connection ends. When it has been quiet for a while we send ourselves a message; if neither it nor anything else comes,
 * the connection is made anew, and the broker sends again what is missing.
 */

/** Quiet for so long, we ask. */
const quietMs = 60_000
/** So long we wait for what we asked for. */
const patienceMs = 30_000

export class DeliveryWatch {
  #heardMs = Number.POSITIVE_INFINITY
  #askedMs: number | null = null
  #unacknowledged = 0
  /** Where a message to ourselves has never come back, access lists forbid it, and its absence says nothing. */
  #returned = false

  connected(nowMs: number): void {
    this.#heardMs = nowMs
    this.#askedMs = null
  }

  /** QoS 1 messages came. */
  heard(count: number, nowMs: number): void {
    this.#unacknowledged += count
    this.#heardMs = nowMs
    this.#askedMs = null
  }

  acknowledged(): void {
    this.#unacknowledged--
  }

  /** A message to ourselves is on its way out. */
  asked(nowMs: number): void {
    this.#askedMs = nowMs
  }

  /** It did not reach the broker. */
  notAsked(): void {
    this.#askedMs = null
  }

  /** A message to ourselves has come back. */
  returned(): void {
    this.#returned = true
  }

  /** What to do now. While we read nothing, or owe acknowledgements, silence is our own doing. */
  next(nowMs: number, reads: boolean): 'nothing' | 'ask' | 'renew' {
    if (!reads || this.#unacknowledged > 0) {
      this.connected(nowMs)
      return 'nothing'
    }
    if (this.#askedMs !== null)
      return this.#returned && nowMs - this.#askedMs >= patienceMs ? 'renew' : 'nothing'
    return nowMs - this.#heardMs >= quietMs ? 'ask' : 'nothing'
  }
}
