/** One direction of a connection, or the way to a disk: things arrive in order, later, or never when it is cut. */
import type { VirtualClock } from '../../src/tools/test/virtual-clock.ts'

export class Wire {
  readonly #clock: VirtualClock
  readonly #delayMs: () => number
  #lastMs = 0
  #isCut = false

  constructor(clock: VirtualClock, delayMs: () => number) {
    this.#clock = clock
    this.#delayMs = delayMs
  }

  send(arrive: () => void): void {
    if (this.#isCut) return
    this.#lastMs = Math.max(this.#lastMs, this.#clock.now() + this.#delayMs())
    this.#clock.setTimer(this.#lastMs, () => {
      if (!this.#isCut) arrive()
    })
  }

  /** What is under way is lost. */
  cut(): void {
    this.#isCut = true
  }

  /** When the latest thing under way arrives. */
  get lastMs(): number {
    return this.#lastMs
  }
}
