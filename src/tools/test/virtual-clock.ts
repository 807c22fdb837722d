/** Time that moves only when told: it jumps from timer to timer, so that a quiet year takes no time at all. */
import type { Clock } from '../../ports/clock.ts'

interface Timer {
  readonly atMs: number
  readonly callback: () => void
}

export class VirtualClock implements Clock {
  #nowMs: number
  /** In the order in which they were set: timers of the same moment run in that order. */
  readonly #timers = new Set<Timer>()

  constructor(startMs: number) {
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  setTimer(atMs: number, callback: () => void): () => void {
    const timer = { atMs, callback }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** When the next timer is due; null when there is none. There are few timers, so they are simply looked through. */
  get nextMs(): number | null {
    return this.#next()?.atMs ?? null
  }

  /** Runs the next timer at its own moment, or now when that has passed. False when there is none. */
  runNext(): boolean {
    const next = this.#next()
    if (next === null) return false
    this.#timers.delete(next)
    this.#nowMs = Math.max(this.#nowMs, next.atMs)
    next.callback()
    return true
  }

  /** Moves on without running timers: let those that are due run first. Time never goes back. */
  moveTo(atMs: number): void {
    if (atMs < this.#nowMs) throw new RangeError('virtual time cannot go back')
    this.#nowMs = atMs
  }

  #next(): Timer | null {
    let next: Timer | null = null
    for (const timer of this.#timers) if (next === null || timer.atMs < next.atMs) next = timer
    return next
  }
}

/** A clock of one engine over another: the wall clock may stand elsewhere, and it can be taken away with its timers. */
export class ClockView implements Clock {
  readonly #base: Clock
  readonly #offsetMs: number
  readonly #cancels = new Set<() => void>()
  #ended = false

  constructor(base: Clock, offsetMs: number) {
    this.#base = base
    this.#offsetMs = offsetMs
  }

  now(): number {
    return this.#base.now() + this.#offsetMs
  }

  setTimer(atMs: number, callback: () => void): () => void {
    if (this.#ended) return () => {}
    const cancel = this.#base.setTimer(atMs - this.#offsetMs, () => {
      this.#cancels.delete(cancel)
      callback()
    })
    this.#cancels.add(cancel)
    return () => {
      this.#cancels.delete(cancel)
      cancel()
    }
  }

  /** No timer of this clock runs any more. */
  end(): void {
    this.#ended = true
    for (const cancel of this.#cancels) cancel()
    this.#cancels.clear()
  }
}
