/** How often something may happen: so many times a second, with a reserve for bursts. Time is an argument. */
export class TokenBucket {
  readonly #perSecond: number
  readonly #burst: number
  #tokens: number
  #atMs = Number.NEGATIVE_INFINITY

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond
    this.#burst = burst
    this.#tokens = burst
  }

  /** Whether it may happen once now. */
  take(nowMs: number): boolean {
    if (nowMs > this.#atMs) {
      const grown = this.#tokens + ((nowMs - this.#atMs) / 1_000) * this.#perSecond
      this.#tokens = Math.min(this.#burst, grown)
      this.#atMs = nowMs
    }
    if (this.#tokens < 1) return false
    this.#tokens--
    return true
  }
}
