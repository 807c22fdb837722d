/**
 * Messages that looked at a state and left it as it was. They wait for no commit, so a crash may bring them again
 * after a later message has changed that state, and they would be judged by what they never saw. So whoever
 * changes the state marks them as done in the same commit.
 */
import type { Draft } from '../core/state.ts'

export interface Bystander {
  /** The states that it read. */
  readonly slices: readonly string[]
  /** Adds the mark to what is committed. */
  readonly mark: (draft: Draft) => void
  readonly atMs: number
}

/** A broker sends again only what it has not seen acknowledged: at most this many, of the latest. */
const bystanderLimit = 2_000
/** After so long it has read our acknowledgement. */
const bystanderMs = 5_000

export class Bystanders {
  /** Slice → those that read it, oldest first. */
  readonly #readers = new Map<string, Bystander[]>()
  #queue: Bystander[] = []
  #head = 0
  readonly #marked = new Set<Bystander>()

  add(bystander: Bystander): void {
    for (const slice of bystander.slices) {
      const readers = this.#readers.get(slice)
      if (readers === undefined) this.#readers.set(slice, [bystander])
      else readers.push(bystander)
    }
    this.#queue.push(bystander)
    const oldestMs = bystander.atMs - bystanderMs
    for (let first = this.#queue[this.#head]; first !== undefined; first = this.#queue[this.#head]) {
      if (this.#queue.length - this.#head <= bystanderLimit && first.atMs >= oldestMs) break
      this.#head++
      this.#forget(first)
    }
    if (this.#head >= bystanderLimit) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }

  /** Those that read any of these slices; they are marked until `committed` or `failed`. */
  take(slices: readonly string[]): readonly Bystander[] {
    const taken: Bystander[] = []
    for (const slice of slices) {
      for (const reader of this.#readers.get(slice) ?? []) {
        if (this.#marked.has(reader)) continue
        this.#marked.add(reader)
        taken.push(reader)
      }
    }
    return taken
  }

  /** The marks are durable. */
  committed(): void {
    for (const bystander of this.#marked) this.#forget(bystander)
    this.#marked.clear()
  }

  /** The marks were lost with the commit: the next one makes them again. */
  failed(): void {
    this.#marked.clear()
  }

  #forget(bystander: Bystander): void {
    for (const slice of bystander.slices) {
      const readers = this.#readers.get(slice)
      const at = readers?.indexOf(bystander) ?? -1
      if (readers === undefined || at < 0) continue
      if (readers.length === 1) this.#readers.delete(slice)
      else readers.splice(at, 1)
    }
  }
}
