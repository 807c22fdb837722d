/**
 * Carries out effects of what changed no state, without a commit. Those that cannot go out at once, as their target is
 * away, slow or has others waiting, move to the outbox: a dead target never stalls the line.
 */
import type { Effect } from '../core/effect.ts'
import { afterOthers } from './after-others.ts'
import type { LineDeps } from './line.ts'
import type { Delivered, OutgoingLine } from './outgoing-line.ts'

/** A commit takes no more effects to the outbox once it has so many. */
const spillLimit = 5_000
const retryFirstMs = 50
const retryMostMs = 5_000

/** An effect that goes to the outbox, with the attempt that is under way, if any. */
interface Undelivered {
  readonly effect: Effect
  readonly attempt: Promise<Delivered> | null
}

export class DirectEffects {
  readonly #deps: Pick<LineDeps, 'store' | 'clock' | 'observer' | 'counters' | 'lineFor' | 'nowMs'>
  /** What is about to move to the outbox, in order. */
  readonly #spills: { readonly left: Undelivered; readonly moved: () => void }[] = []
  #spilling = false
  #waiting = 0
  #waitingBytes = 0

  constructor(deps: Pick<LineDeps, 'store' | 'clock' | 'observer' | 'counters' | 'lineFor' | 'nowMs'>) {
    this.#deps = deps
  }

  /** Effects that wait to be in the outbox: without end while the store takes nothing. */
  get waiting(): number {
    return this.#waiting
  }

  /** Bytes of their payloads. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** Resolves when every effect was delivered, refused for good, or is durable in the outbox. */
  async deliver(effects: readonly Effect[]): Promise<void> {
    await Promise.all(effects.map((effect) => this.#deliverOne(effect)))
  }

  /** Each moves by itself: were it to wait for others of its message, those of later messages would pass it. */
  async #deliverOne(effect: Effect): Promise<void> {
    const result = await this.#deps.lineFor(effect).direct(effect)
    if (result.done) return
    const sizeBytes = effect.kind === 'publish' ? effect.message.payload.length : 0
    this.#deps.counters.spilled++
    this.#waiting++
    this.#waitingBytes += sizeBytes
    await new Promise<void>((moved) => {
      this.#spills.push({ left: { effect, attempt: result.attempt }, moved })
      if (!this.#spilling) void this.#spillAll()
    })
    this.#waiting--
    this.#waitingBytes -= sizeBytes
  }

  /**
   * Moves to the outbox what could not be delivered directly, together what comes together: a commit waits for the
   * disk, and when a target is slow or down there is one such effect for every message.
   */
  async #spillAll(): Promise<void> {
    this.#spilling = true
    while (this.#spills.length > 0) {
      await afterOthers()
      const spills = this.#spills.splice(0, spillLimit)
      await this.#spill(spills.map(({ left }) => left))
      for (const { moved } of spills) moved()
    }
    this.#spilling = false
  }

  async #spill(left: readonly Undelivered[]): Promise<void> {
    const nowMs = this.#deps.nowMs()
    const add = left.map(({ effect }) => ({ line: this.#deps.lineFor(effect).name, atMs: nowMs, effect }))
    let retryMs = retryFirstMs
    for (;;) {
      const committed = await this.#deps.store.commit({ outbox: { add } })
      if (committed.ok) {
        const lines = new Map<OutgoingLine, { rows: number; attempts: Map<number, Promise<Delivered>> }>()
        left.forEach(({ effect, attempt }, index) => {
          const line = this.#deps.lineFor(effect)
          const moved = lines.get(line) ?? { rows: 0, attempts: new Map() }
          lines.set(line, moved)
          moved.rows++
          const seq = committed.value.outboxSeqs[index]
          if (attempt !== null && seq !== undefined) moved.attempts.set(seq, attempt)
        })
        for (const [line, { rows, attempts }] of lines) line.moved(rows, attempts)
        return
      }
      this.#deps.observer.trouble({
        kind: 'store',
        message: committed.failure.message,
        help: committed.failure.help,
      })
      const waitMs = retryMs
      await new Promise<void>((resolve) => {
        this.#deps.clock.setTimer(this.#deps.clock.now() + waitMs, resolve)
      })
      retryMs = Math.min(retryMs * 2, retryMostMs)
    }
  }
}
