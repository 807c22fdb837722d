/** Holds the packet identifiers of received QoS 1 messages and lets them go in receive order [MQTT-4.6.0-2]. */

const idle = 0
const held = 1
const released = 2

const identifiers = 65_536

/** At most one entry for each packet identifier, so its memory is bounded by the protocol. */
export class AcknowledgementQueue {
  readonly #state = new Uint8Array(identifiers)
  readonly #order = new Uint16Array(identifiers)
  #first = 0
  #length = 0

  get length(): number {
    return this.#length
  }

  /** False when the identifier is held already: the broker sent the message twice on one connection. */
  hold(packetId: number): boolean {
    if (this.#state[packetId] !== idle) return false
    this.#state[packetId] = held
    this.#order[(this.#first + this.#length) & (identifiers - 1)] = packetId
    this.#length++
    return true
  }

  /** Lets an identifier go once all that came before it have gone; those that can go now are put into `out`. */
  release(packetId: number, out: number[]): void {
    if (this.#state[packetId] !== held) return
    this.#state[packetId] = released
    while (this.#length > 0) {
      const next = this.#order[this.#first]!
      if (this.#state[next] !== released) return
      this.#state[next] = idle
      this.#first = (this.#first + 1) & (identifiers - 1)
      this.#length--
      out.push(next)
    }
  }

  clear(): void {
    this.#state.fill(idle)
    this.#first = 0
    this.#length = 0
  }
}
