/**
 * One line of effects to one target (a broker, the log files), first in, first out. An effect that changed no
 * state goes out directly; when the target is down, slow or has rows waiting, it moves to the outbox, so that a
 * dead target never stalls the messages that come in.
 */
import type { Effect, QueueLimit } from '../core/effect.ts'
import type { Clock } from '../ports/clock.ts'
import type { OutboxRow, Store } from '../ports/store.ts'

/** `expired`: nobody wants it any more. */
export type Delivered =
  | { readonly ok: true }
  | { readonly ok: false; readonly kind: 'temporary' | 'permanent' | 'expired'; readonly message: string }

export interface LineTarget {
  readonly name: string
  /** Whether a delivery now has a chance. */
  ready(): boolean
  /** `sinceMs`: since when it has waited in the outbox, steady ms; null when it has not. */
  deliver(effect: Effect, sinceMs: number | null): Promise<Delivered>
}

export interface LineReports {
  carriedOut(effect: Effect): void
  refused(effect: Effect, message: string): void
  expired(effect: Effect): void
  storeFailed(message: string): void
  /** So many rows were given up, the oldest or the newest, as more wait than are kept. */
  dropped(rows: number, limit: QueueLimit): void
}

/** A direct delivery that takes longer moves to the outbox. */
const directLimitMs = 1_000
/** And after so long when a commit waits for it, and with the commit all that comes in. */
const calmLimitMs = 20
/** Rows sent before they are taken out together, which is also how many a crash can send twice. */
const windowRows = 200
/** So many first after a start, then twice as many each time: a program that dies again and again repeats little. */
const firstWindowRows = 20
/** In a storm each way to the target and the disk carries more, for the last not to wait long. */
const stormWindowRows = 500
/** So many rows that wait are a storm. */
const stormRows = 1_000
/** Rows that wait on one line at most; about 50 MB on disk when they are small. */
export const outboxRowLimit = 100_000
/** After an outage the latest news is worth the most. */
const usualLimit: QueueLimit = { max: outboxRowLimit, drop: 'oldest' }
/** Past the limit this part of it goes at once, for a full line not to commit for every row. */
const shedPart = 0.01
/** Rows given up in one commit at most. */
const shedRows = 1_000
const retryFirstMs = 250
const retryMostMs = 30_000

export class OutgoingLine {
  readonly #target: LineTarget
  readonly #store: Store
  readonly #clock: Clock
  readonly #reports: LineReports
  #limit: QueueLimit
  #dropped = 0
  /** Rows known to wait in the outbox. */
  #waiting = 0
  /** Deliveries that were under way when their effect moved to the outbox: their rows are not sent again. */
  readonly #underWay = new Map<number, Promise<Delivered>>()
  /** What ends the wait for each direct delivery, in the order in which they were begun. */
  readonly #direct = new Set<() => void>()
  /** Direct deliveries of which it is not known yet whether they move to the outbox. */
  #undecided = 0
  #whenCalm: (() => void)[] = []
  /** Deliveries under way whose effects are moving to the outbox just now. */
  #moving = 0
  /** Effects that are moving there, with or without a delivery under way: none may pass them. */
  #leaving = 0
  /** Rows that are done with and could not be taken out of the outbox yet: they are not sent again. */
  #finished: readonly OutboxRow[] = []
  /** Whether a row of the latest page has to be sent again. */
  #failed = false
  /** What a failure holds up is sent alone: it must not bring others a second time at each attempt. */
  #oneByOne = false
  /** Rows of a page when nothing fails. */
  #usualWindow = firstWindowRows
  #draining = false
  #retryMs = retryFirstMs
  #cancelRetry: (() => void) | null = null
  #stopped = false
  #idle: (() => void)[] = []

  constructor(
    target: LineTarget,
    store: Store,
    clock: Clock,
    reports: LineReports,
    limit: QueueLimit = usualLimit,
  ) {
    this.#target = target
    this.#limit = limit
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

  /** Rows that were given up since the start. */
  get dropped(): number {
    return this.#dropped
  }

  /** From here on so many may wait; what waits already stays when only the newest are given up. */
  setLimit(limit: QueueLimit): void {
    this.#limit = limit
    this.wake()
  }

  /** How many more rows may be added: those beyond are to be given up with `giveUp`. */
  get room(): number {
    const { max, drop } = this.#limit
    return drop === 'newest' ? Math.max(0, max - this.#waiting - this.#leaving) : Number.POSITIVE_INFINITY
  }

  /** So many effects were not added, for lack of room. */
  giveUp(rows: number): void {
    this.#dropped += rows
    this.#reports.dropped(rows, this.#limit)
  }

  /** Whether an effect may go out now without passing others. */
  get open(): boolean {
    return this.#waiting === 0 && this.#leaving === 0 && !this.#stopped && this.#target.ready()
  }

  /** Rows found in the outbox when the engine starts. */
  restore(rows: number): void {
    this.#waiting = rows
    this.wake()
  }

  /**
   * Tries to deliver at once. `done`: delivered, refused for good, or given up as the line is full. Else it must go
   * to the outbox, and the attempt under way, if any, is handed to `moved` so that it is not made twice.
   */
  async direct(
    effect: Effect,
  ): Promise<{ done: true } | { done: false; attempt: Promise<Delivered> | null }> {
    let late: Promise<Delivered> | null = null
    if (this.open) {
      const attempt = this.#target.deliver(effect, null)
      this.#undecided++
      const first = await this.#withLimit(attempt)
      this.#undecided--
      if (first !== null && this.#settled(effect, first)) return this.#done()
      if (first === null) {
        late = attempt
        this.#moving++
      }
    }
    // What is under way may have arrived: it is not given up.
    if (late === null && this.room === 0) {
      this.giveUp(1)
      return this.#done()
    }
    this.#leaving++
    return { done: false, attempt: late }
  }

  #done(): { done: true } {
    this.#lookCalm()
    return { done: true }
  }

  /** Resolves when no direct delivery is under way or on its way to the outbox: what is added from then on is behind it. */
  calm(): Promise<void> {
    if (this.#isCalm) return Promise.resolve()
    const cancel = this.#clock.setTimer(this.#clock.now() + calmLimitMs, () => this.#giveUpDirect())
    return new Promise((resolve) => {
      this.#whenCalm.push(() => {
        cancel()
        resolve()
      })
    })
  }

  get #isCalm(): boolean {
    return this.#undecided === 0 && this.#leaving === 0
  }

  #lookCalm(): void {
    if (this.#isCalm) for (const resolve of this.#whenCalm.splice(0)) resolve()
  }

  /** Rows that a commit has added. */
  added(rows: number): void {
    this.#waiting += rows
    if (this.#cancelRetry === null) this.wake()
    // What is added is no reason to try a target that fails sooner, nor to wait longer the next time.
    else if (this.#waiting > this.#limit.max) this.#start(true)
  }

  /** Rows of effects that `direct` could not deliver; `attempts` by seq are deliveries already under way. */
  moved(rows: number, attempts: ReadonlyMap<number, Promise<Delivered>>): void {
    this.#leaving -= rows
    for (const [seq, attempt] of attempts) {
      this.#underWay.set(seq, attempt)
      this.#moving--
    }
    this.added(rows)
    this.#lookCalm()
  }

  /** Tries again now: the target may be ready. */
  wake(): void {
    this.#cancelRetry?.()
    this.#cancelRetry = null
    this.#start(false)
  }

  #start(onlySheds: boolean): void {
    if (this.#draining || this.#stopped || this.#waiting === 0) return
    this.#draining = true
    void this.#drain(onlySheds)
  }

  /** Takes no more; resolves when nothing is under way. What waits stays in the outbox. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelRetry?.()
    if (this.#draining) await new Promise<void>((resolve) => this.#idle.push(resolve))
  }

  async #drain(onlySheds: boolean): Promise<void> {
    try {
      if (onlySheds) {
        await this.#shed()
        return
      }
      while (this.#waiting > 0 && !this.#stopped) {
        if (this.#finished.length === 0) {
          if (!(await this.#shed())) return this.#later()
          if (!(await this.#sendNext())) return
        }
        if (this.#finished.length > 0 && !(await this.#takeOut())) return this.#later()
        if (this.#failed) return this.#later()
        this.#oneByOne = false
      }
    } finally {
      // In one turn with the last look at what waits, so that a row that is added from here on wakes the line.
      this.#draining = false
      // The pause may have ended meanwhile.
      if (onlySheds && this.#cancelRetry === null) this.#start(false)
      for (const resolve of this.#idle.splice(0)) resolve()
    }
  }

  /** Gives the oldest rows up until no more wait than are kept. */
  async #shed(): Promise<boolean> {
    const { max, drop } = this.#limit
    if (drop === 'newest' || this.#waiting <= max) return true
    const wanted = max - Math.floor(max * shedPart)
    while (this.#waiting > wanted) {
      const oldest = await this.#store.outbox(this.name, 0, Math.min(shedRows, this.#waiting - wanted))
      const removed = oldest.ok ? await this.#store.commit({ outbox: { remove: oldest.value } }) : oldest
      if (!oldest.ok || !removed.ok) {
        if (!removed.ok) this.#reports.storeFailed(removed.failure.message)
        return false
      }
      const rows = oldest.value
      if (rows.length === 0) return true
      for (const { seq } of rows) this.#underWay.delete(seq)
      this.#waiting -= rows.length
      this.giveUp(rows.length)
    }
    return true
  }

  /** Sends the next rows. False when the line has to wait. */
  async #sendNext(): Promise<boolean> {
    if (!this.#target.ready()) {
      this.#later()
      return false
    }
    const page = await this.#store.outbox(this.name, 0, this.#pageRows)
    if (!page.ok) {
      this.#reports.storeFailed(page.failure.message)
      this.#later()
      return false
    }
    // A row whose delivery is under way may be among these and not be known yet: `added` wakes the line again.
    if (this.#moving > 0) return false
    if (page.value.length === 0) {
      this.#waiting = 0
      return false
    }
    this.#finished = await this.#sendPage(page.value)
    this.#failed = this.#finished.length < page.value.length
    if (this.#failed) this.#oneByOne = true
    return true
  }

  get #pageRows(): number {
    if (this.#oneByOne) return 1
    const isStorm = this.#waiting > stormRows && this.#usualWindow === windowRows
    return isStorm ? stormWindowRows : this.#usualWindow
  }

  /** Takes rows that are done with out of the outbox. */
  async #takeOut(): Promise<boolean> {
    const removed = await this.#store.commit({ outbox: { remove: this.#finished } })
    if (!removed.ok) {
      this.#reports.storeFailed(removed.failure.message)
      return false
    }
    this.#waiting -= this.#finished.length
    this.#finished = []
    this.#usualWindow = Math.min(2 * this.#usualWindow, windowRows)
    this.#retryMs = retryFirstMs
    return true
  }

  /** Sends a page in order and returns the rows that are finished with, up to the first that must be tried again. */
  async #sendPage(rows: readonly OutboxRow[]): Promise<OutboxRow[]> {
    const attempts = rows.map((row) => {
      const underWay = this.#underWay.get(row.seq)
      this.#underWay.delete(row.seq)
      return underWay ?? this.#target.deliver(row.effect, row.atMs)
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
    if (delivered.kind === 'expired') this.#reports.expired(effect)
    else this.#reports.refused(effect, delivered.message)
    return true
  }

  #later(): void {
    if (this.#stopped) return
    const delayMs = this.#retryMs
    this.#retryMs = Math.min(this.#retryMs * 2, retryMostMs)
    this.#cancelRetry = this.#clock.setTimer(this.#clock.now() + delayMs, () => this.wake())
  }

  /**
   * Null when it takes too long. What was begun before a delivery that is slow or has failed must not come to the
   * outbox after it, whatever becomes of it: it moves there at the same time, in its order.
   */
  #withLimit(attempt: Promise<Delivered>): Promise<Delivered | null> {
    return new Promise((resolve) => {
      const end = (delivered: Delivered | null) => {
        if (!this.#direct.delete(giveUp)) return
        cancel()
        resolve(delivered)
      }
      const giveUp = () => end(null)
      const cancel = this.#clock.setTimer(this.#clock.now() + directLimitMs, () => this.#giveUpDirect())
      this.#direct.add(giveUp)
      void attempt.then((delivered) => {
        if (!delivered.ok && delivered.kind === 'temporary') this.#giveUpBefore(giveUp)
        end(delivered)
      })
    })
  }

  #giveUpDirect(): void {
    for (const each of [...this.#direct]) each()
  }

  #giveUpBefore(last: () => void): void {
    if (!this.#direct.has(last)) return
    for (const each of [...this.#direct]) {
      if (each === last) return
      each()
    }
  }
}
