/**
 * One line of effects to one target (a broker, the log files), first in, first out. An effect that changed no
 * state goes out directly; when the target is down, slow or has rows waiting, it moves to the outbox, so that a
 * dead target never stalls the messages that come in.
 */
import type { Effect } from '../core/effect.ts'
import type { Clock } from '../ports/clock.ts'
import type { OutboxRow, Store } from '../ports/store.ts'

export type Delivered =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'temporary' | 'permanent'; readonly message: string }

export interface LineTarget {
  readonly name: string
  /** Whether a delivery now has a chance. */
  ready(): boolean
  deliver(effect: Effect): Promise<Delivered>
}

export interface LineReports {
  carriedOut(effect: Effect): void
  refused(effect: Effect, message: string): void
  storeFailed(message: string): void
}

/** A direct delivery that takes longer moves to the outbox. */
const directLimitMs = 1_000
/** Rows sent before the first of them is acknowledged. */
const windowRows = 500
const pageRows = 500
const retryFirstMs = 250
const retryMostMs = 30_000

export class OutgoingLine {
  readonly #target: LineTarget
  readonly #store: Store
  readonly #clock: Clock
  readonly #reports: LineReports
  /** Rows known to wait in the outbox. */
  #waiting = 0
  /** Deliveries that were under way when their effect moved to the outbox: their rows are not sent again. */
  readonly #underWay = new Map<number, Promise<Delivered>>()
  #draining = false
  #retryMs = retryFirstMs
  #cancelRetry: (() => void) | null = null
  #stopped = false
  #idle: (() => void)[] = []

  constructor(target: LineTarget, store: Store, clock: Clock, reports: LineReports) {
    this.#target = target
    this.#store = store
    this.#clock = clock
    this.#reports = reports
  }

  get name(): string {
    return this.#target.name
  }

  get waiting(): number {
    return this.#waiting
  }

  /** Whether an effect may go out now without passing others. */
  get open(): boolean {
    return this.#waiting === 0 && !this.#stopped && this.#target.ready()
  }

  /** Rows found in the outbox when the engine starts. */
  restore(rows: number): void {
    this.#waiting = rows
    this.wake()
  }

  /**
   * Tries to deliver at once. `done`: delivered or refused for good. `slow`: it must go to the outbox, and the
   * attempt under way, if any, is handed to `added` so that it is not made twice.
   */
  async direct(
    effect: Effect,
  ): Promise<{ done: true } | { done: false; attempt: Promise<Delivered> | null }> {
    if (!this.open) return { done: false, attempt: null }
    const attempt = this.#target.deliver(effect)
    const first = await this.#withLimit(attempt)
    if (first === null) return { done: false, attempt }
    return this.#settled(effect, first) ? { done: true } : { done: false, attempt: null }
  }

  /** Rows that a commit has added; `attempts` by seq are deliveries already under way. */
  added(rows: number, attempts?: ReadonlyMap<number, Promise<Delivered>>): void {
    this.#waiting += rows
    for (const [seq, attempt] of attempts ?? []) this.#underWay.set(seq, attempt)
    this.wake()
  }

  /** Tries again now: the target may be ready. */
  wake(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    if (this.#draining || this.#stopped || this.#waiting === 0) return
    this.#draining = true
    void this.#drain().finally(() => {
      this.#draining = false
      for (const resolve of this.#idle.splice(0)) resolve()
    })
  }

  /** Takes no more; resolves when nothing is under way. What waits stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    if (this.#draining) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #drain(): Promise<void> {
    let after = 0
    while (this.#waiting > 0 && !this.#stopped) {
      if (!this.#target.ready()) return this.#later()
      const page = await this.#store.outbox(this.name, after, pageRows)
      if (!page.ok) {
        this.#reports.storeFailed(page.failure.message)
        return this.#later()
      }
      if (page.value.length === 0) {
        this.#waiting = after === 0 ? 0 : this.#waiting
        if (after === 0) return
        after = 0
        continue
      }
      const finished = await this.#sendPage(page.value.slice(0, windowRows))
      if (finished.length > 0) {
        const removed = await this.#store.commit({ outbox: { remove: finished } })
        if (!removed.ok) {
          // They stay, and go out again: at least once.
          this.#reports.storeFailed(removed.failure.message)
          return this.#later()
        }
        this.#waiting -= finished.length
        this.#retryMs = retryFirstMs
      }
      if (finished.length < Math.min(page.value.length, windowRows)) return this.#later()
      after = 0
    }
  }

  /** Sends a page in order and returns the rows that are finished with, up to the first that must be tried again. */
  async #sendPage(rows: readonly OutboxRow[]): Promise<OutboxRow[]> {
    const attempts = rows.map((row) => {
      const underWay = this.#underWay.get(row.seq)
      this.#underWay.delete(row.seq)
      return underWay ?? this.#target.deliver(row.effect)
    })
    const finished: OutboxRow[] = []
    let stopped = false
    for (const [index, row] of rows.entries()) {
      const delivered = await attempts[index]!
      // After a failure the rest is sent again, so that the order holds.
      if (stopped) continue
      if (this.#settled(row.effect, delivered)) finished.push(row)
      else stopped = true
    }
    return finished
  }

  #settled(effect: Effect, delivered: Delivered): boolean {
    if (delivered.ok) {
      this.#reports.carriedOut(effect)
      return true
    }
    if (delivered.kind === 'temporary') return false
    this.#reports.refused(effect, delivered.message)
    return true
  }

  #later(): void {
    if (this.#stopped) return
    const delayMs = this.#retryMs
    this.#retryMs = Math.min(this.#retryMs * 2, retryMostMs)
    this.#cancelRetry = this.#clock.setTimer(this.#clock.now() + delayMs, () => this.wake())
  }

  #withLimit(attempt: Promise<Delivered>): Promise<Delivered | null> {
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimer(this.#clock.now() + directLimitMs, () => resolve(null))
      void attempt.then((delivered) => {
        cancel()
        resolve(delivered)
      })
    })
  }
}
