/**
 * Which timers are due, and when to look again. After a start message timers wait for the fence, while those of
 * alerting run: who is to be told next waits for no message.
 */
import { isAlertingSlice } from '../core/alerts/step-alerting.ts'
import type { Clock } from '../ports/clock.ts'
import type { Store } from '../ports/store.ts'

/** Timers taken up in one batch at most. */
export const timerBatchLimit = 1_000
/** While message timers wait, alerting's are looked for among so many that are due, and so often. */
const heldTimerLimit = 100_000
const heldLookMs = 1_000
const retryMs = 5_000

export interface LineTimersDeps {
  readonly store: Store
  readonly clock: Clock
  /** The engine's steady time, ms. */
  nowMs(): number
  /** Some may be due. */
  wake(): void
}

export class LineTimers {
  readonly #deps: LineTimersDeps
  #allowed: 'none' | 'alerting' | 'all' = 'none'
  #nextDueMs: number | null = null
  /** Not before this is it asked again which timers are due. */
  #lookFromMs = 0
  #cancelTimer: (() => void) | null = null

  constructor(deps: LineTimersDeps) {
    this.#deps = deps
  }

  /** Whether all may run. */
  get allAllowed(): boolean {
    return this.#allowed === 'all'
  }

  async allow(which: 'alerting' | 'all'): Promise<void> {
    if (this.#allowed === 'all' || this.#allowed === which) return
    this.#allowed = which
    this.#nextDueMs = null
    this.#lookFromMs = 0
    await this.look()
    this.#deps.wake()
  }

  hold(): void {
    this.#allowed = 'none'
    this.#cancelTimer?.()
    this.#cancelTimer = null
  }

  /** Ids of the slices whose timers are due, the earliest first; those left over come with the next call. */
  async due(): Promise<readonly string[]> {
    if (!this.#mayBeDue()) return []
    const holds = this.#allowed === 'alerting'
    const due = await this.#deps.store.due(this.#deps.nowMs(), holds ? heldTimerLimit : timerBatchLimit)
    if (!due.ok) {
      this.#lookLater()
      return []
    }
    if (!holds) return due.value
    const urgent = due.value.filter(isAlertingSlice).slice(0, timerBatchLimit)
    // Those that wait hide when the next of alerting's is due.
    if (urgent.length === 0) {
      this.#lookFromMs = this.#deps.nowMs() + heldLookMs
      this.#lookLater(heldLookMs)
    }
    return urgent
  }

  /** To be called when slices were committed: their timers may be earlier than what is waited for. */
  async look(): Promise<void> {
    if (this.#allowed === 'none') return
    const next = await this.#deps.store.nextDueMs()
    if (!next.ok) return this.#lookLater()
    if (next.value === this.#nextDueMs) {
      if (next.value !== null && this.#cancelTimer === null) this.#arm(next.value)
      return
    }
    this.#nextDueMs = next.value
    this.#cancelTimer?.()
    this.#cancelTimer = null
    if (next.value !== null) this.#arm(next.value)
  }

  /** The store does not say which timers are due: no timer is forgotten for that. */
  #lookLater(waitMs = retryMs): void {
    const { clock } = this.#deps
    this.#cancelTimer?.()
    this.#cancelTimer = clock.setTimer(clock.now() + waitMs, () => {
      this.#cancelTimer = null
      void this.look().then(() => this.#deps.wake())
    })
  }

  #arm(dueMs: number): void {
    const { clock } = this.#deps
    const shiftMs = clock.now() - this.#deps.nowMs()
    this.#cancelTimer = clock.setTimer(dueMs + shiftMs, () => {
      this.#cancelTimer = null
      this.#deps.wake()
    })
  }

  #mayBeDue(): boolean {
    if (this.#allowed === 'none' || this.#nextDueMs === null) return false
    const nowMs = this.#deps.nowMs()
    return this.#nextDueMs <= nowMs && this.#lookFromMs <= nowMs
  }
}
