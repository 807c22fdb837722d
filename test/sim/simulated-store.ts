/**
 * A store over one that works: everything takes time, the disk can be full or broken for a while, and what was
 * asked for and not answered when the process dies may or may not be found done.
 */
import type { Commit, Store, StoreFailure, StoreOutcome } from '../../src/ports/store.ts'
import type { VirtualClock } from '../../src/tools/test/virtual-clock.ts'
import type { Random } from './random.ts'
import type { Life } from './simulated-broker.ts'
import { Wire } from './wire.ts'

export interface StoreHabits {
  /** The longest time until a request reaches the disk, and until its answer is back, ms; null: no time at all. */
  readonly latencyMs: number | null
}

/** Where the data survives the engines. */
export interface Disk {
  store: Store
  /** What is wrong with it now. */
  trouble: 'full' | 'io' | null
  /** A commit that failed for io and may be found done, as long as nothing was committed after it. */
  ghost: Commit | null
}

/** What is known of a request that was not answered yet. */
interface Pending {
  readonly commit: Commit
}

export class SimulatedStore implements Store {
  readonly durable = true
  readonly #disk: Disk
  readonly #life: Life
  readonly #clock: VirtualClock
  readonly #random: Random
  readonly #habits: StoreHabits
  readonly #touched: () => void
  readonly #wire: Wire
  /** Commits on their way to the disk, in order. */
  readonly #pending = new Set<Pending>()

  constructor(
    disk: Disk,
    life: Life,
    clock: VirtualClock,
    random: Random,
    habits: StoreHabits,
    touched: () => void,
  ) {
    this.#disk = disk
    this.#life = life
    this.#clock = clock
    this.#random = random
    this.#habits = habits
    this.#touched = touched
    this.#wire = new Wire(clock, () => random.whole(0, habits.latencyMs ?? 0))
  }

  /** The process died: some of the commits on their way happened, the first of them first. */
  async die(): Promise<void> {
    this.#wire.cut()
    const { ghost, store } = this.#disk
    if (ghost !== null && this.#random.chance(0.5)) await store.commit(ghost)
    this.#disk.ghost = null
    for (const { commit } of this.#pending) {
      if (this.#disk.trouble !== null || this.#random.chance(0.5)) return
      await store.commit(commit)
    }
  }

  /** The disk is opened and closed by the world: it knows when a process dies. */
  open(): Promise<StoreOutcome<void>> {
    return this.#ask(async () => ({ ok: true, value: undefined }))
  }

  async close(): Promise<void> {}

  load(ids: Iterable<string>) {
    const wanted = [...ids]
    return this.#ask(() => this.#disk.store.load(wanted))
  }

  scan(prefix: string, after: string | null, limit: number) {
    return this.#ask(() => this.#disk.store.scan(prefix, after, limit))
  }

  due(nowMs: number, limit: number) {
    return this.#ask(() => this.#disk.store.due(nowMs, limit))
  }

  nextDueMs() {
    return this.#ask(() => this.#disk.store.nextDueMs())
  }

  commit(commit: Commit): ReturnType<Store['commit']> {
    const pending = { commit }
    this.#pending.add(pending)
    return this.#ask(async () => {
      this.#pending.delete(pending)
      const { trouble } = this.#disk
      if (trouble !== null) {
        if (trouble === 'io') this.#disk.ghost = commit
        return { ok: false, failure: failureOf(trouble) }
      }
      const outcome = await this.#disk.store.commit(commit)
      if (outcome.ok) this.#disk.ghost = null
      return outcome
    })
  }

  outbox(line: string, afterSeq: number, limit: number) {
    return this.#ask(() => this.#disk.store.outbox(line, afterSeq, limit))
  }

  outboxSizes() {
    return this.#ask(() => this.#disk.store.outboxSizes())
  }

  journal(...args: Parameters<Store['journal']>) {
    return this.#ask(() => this.#disk.store.journal(...args))
  }

  journalCounts(...args: Parameters<Store['journalCounts']>) {
    return this.#ask(() => this.#disk.store.journalCounts(...args))
  }

  /** Requests reach the disk in order; answers come in any order, and none once the process is dead. */
  #ask<T>(work: () => Promise<StoreOutcome<T>>): Promise<StoreOutcome<T>> {
    this.#touched()
    if (this.#habits.latencyMs === null) return this.#life.alive ? work() : new Promise(() => {})
    return new Promise((resolve, reject) => {
      this.#wire.send(() => {
        void work().then((outcome) => {
          const delayMs = this.#random.whole(0, this.#habits.latencyMs ?? 0)
          this.#clock.setTimer(this.#clock.now() + delayMs, () => {
            if (this.#life.alive) resolve(outcome)
          })
        }, reject)
      })
    })
  }
}

function failureOf(reason: 'full' | 'io'): StoreFailure {
  return { reason, message: `The disk says: ${reason}.`, help: 'Wait.' }
}
