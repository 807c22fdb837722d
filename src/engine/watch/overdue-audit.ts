/**
 * Looks through the groups for steps that should have been told long ago: by their state, whatever their timers say. A
 * bounded number in one go, the rest the next time; those found are looked at at once, in case only the timer was lost.
 */
import type { Alerting } from '../../core/alerts/alerting.ts'
import type { GroupState } from '../../core/alerts/group-state.ts'
import { stepOverdueMs } from '../../core/alerts/overdue.ts'
import type { Store } from '../../ports/store.ts'
import { overdueMs } from './judge.ts'

const groupPrefix = 'group/'
const pageSize = 500
const pagesAtOnce = 10

export class OverdueAudit {
  /** Where the walk stands; null: at the beginning. */
  #after: string | null = null
  #found = new Map<string, number>()
  /** Of the walk before. */
  #last: ReadonlyMap<string, number> = new Map()

  /** Policy → overdue groups; null when the store does not say. `late` is told each of their slices. */
  async look(
    store: Store,
    alerting: Alerting,
    moment: { readonly nowMs: number; readonly wallMs: number },
    late: (slice: string) => void,
  ): Promise<ReadonlyMap<string, number> | null> {
    for (let pages = 0; pages < pagesAtOnce; pages++) {
      const page = await store.scan(groupPrefix, this.#after, pageSize)
      if (!page.ok) return null
      for (const { id, data } of page.value) {
        const group = data as GroupState
        if (stepOverdueMs(group, alerting, moment) <= overdueMs) continue
        this.#found.set(group.policy, (this.#found.get(group.policy) ?? 0) + 1)
        late(id)
      }
      this.#after = page.value.at(-1)?.id ?? null
      if (page.value.length < pageSize) {
        this.#after = null
        this.#last = this.#found
        this.#found = new Map()
        return this.#last
      }
    }
    // In the midst of a walk the one before still counts.
    return new Map([...this.#last, ...this.#found])
  }
}
