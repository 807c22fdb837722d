/**
 * Messages that looked at a state and left it as it was. They wait for no commit, so a crash may bring them again
 * after a later message has changed that state, and they would be judged by what they never saw. So whoever
 * changes the state marks them as done in the same commit.
 */
import type { Draft } from '../core/state.ts'

interface Bystander {
  /** Ids of the states that it read. */
  readonly states: readonly string[]
  readonly mark: (draft: Draft) => void
  readonly atMs: number
}

/** A broker sends again only what it has not seen acknowledged: at most this many, of the latest. */
const bystanderLimit = 2_000
/** After so long it has read our acknowledgement. */
const bystanderMs = 5_000

export class Bystanders {
  /** Oldest first. */
  #latest: Bystander[] = []
  #taken: ReadonlySet<Bystander> = new Set()

  /** `needs`: ids of all that it read; `mark` adds its mark to what is committed. */
  add(needs: readonly string[], mark: (draft: Draft) => void, atMs: number): void {
    const states = needs.filter(isState)
    if (states.length === 0) return
    this.#latest.push({ states, mark, atMs })
    if (this.#latest.length >= 2 * bystanderLimit) this.#latest = this.#latest.slice(-bystanderLimit)
  }

  /** Marks those that read what the draft changes. They stay until `committed`, as the commit may fail. */
  mark(draft: Draft, nowMs: number): void {
    const recent = this.#latest.findIndex(({ atMs }) => atMs >= nowMs - bystanderMs)
    const first = recent < 0 ? this.#latest.length : Math.max(recent, this.#latest.length - bystanderLimit)
    if (first > 0) this.#latest = this.#latest.slice(first)
    const { changes } = draft
    const taken = this.#latest.filter(({ states }) => states.some((id) => changes.has(id)))
    for (const { mark } of taken) mark(draft)
    this.#taken = new Set(taken)
  }

  committed(): void {
    if (this.#taken.size === 0) return
    this.#latest = this.#latest.filter((bystander) => !this.#taken.has(bystander))
    this.#taken = new Set()
  }
}

/** Slices that verdicts are made of; the others count and note. */
function isState(slice: string): boolean {
  return slice.startsWith('rule/') || slice.startsWith('join/')
}
