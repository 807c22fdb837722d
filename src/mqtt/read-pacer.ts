/**
 * Decides when reading rests for a moment, so that the kernel gathers messages. A broker sends each message
 * with a write of its own; without rests that is one wake-up and one read for each.
 */

/** Resting begins when there were more reads than this within the window. */
const busyReads = 60
const windowMs = 10
/** Resting ends after this many reads in a row that brought little. */
const poorReads = 5
const poorBytes = 1024

export class ReadPacer {
  #resting = false
  #reads = 0
  #windowStart = 0
  #poor = 0

  /** Tells whether to rest after a read of `sizeBytes` at `nowMs` (of any monotonic clock). */
  rests(sizeBytes: number, nowMs: number): boolean {
    if (this.#resting) {
      if (sizeBytes >= poorBytes) this.#poor = 0
      else if (++this.#poor > poorReads) {
        this.#resting = false
        this.#reads = 0
        this.#windowStart = nowMs
      }
      return this.#resting
    }
    this.#reads++
    if (nowMs - this.#windowStart > windowMs) {
      this.#windowStart = nowMs
      this.#reads = 0
    } else if (this.#reads > busyReads) {
      this.#resting = true
      this.#poor = 0
    }
    return this.#resting
  }
}
