/** All slices in memory, by id, in order of id and in order of time: what stores beside the engine read from. */
import { newSlice, type Slice, type StoreFailure } from '../ports/store.ts'
import { SortedList } from './sorted-list.ts'

/** Changed in place, so that the two orders need touching only when a slice comes, goes or changes its time. */
interface Entry {
  readonly id: string
  data: unknown
  dueMs: number | null
  version: number
  readonly place: number
}

/** Of a store that keeps its slices nowhere else. */
const noPlace = 0

export interface SliceChanges {
  readonly put?: readonly Slice[]
  readonly remove?: readonly Pick<Slice, 'id' | 'version'>[]
}

export class WorkingSet {
  readonly #entries = new Map<string, Entry>()
  readonly #byId = new SortedList<Entry>(compareIds)
  readonly #byTime = new SortedList<Entry>(compareTimes)
  /** One version for all slices of a commit, so that a slice removed and made again has another. */
  #version = newSlice

  get size(): number {
    return this.#entries.size
  }

  /** Where the store said that the slice is kept; undefined when there is no such slice. */
  placeOf(id: string): number | undefined {
    return this.#entries.get(id)?.place
  }

  load(ids: Iterable<string>): Map<string, Slice> {
    const found = new Map<string, Slice>()
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry !== undefined) found.set(id, sliceOf(entry))
    }
    return found
  }

  scan(prefix: string, after: string | null, limit: number): Slice[] {
    const page: Slice[] = []
    if (limit <= 0) return page
    const start = after !== null && after > prefix ? after : prefix
    for (const entry of this.#byId.from(probe(start))) {
      if (!entry.id.startsWith(prefix)) break
      if (entry.id === after) continue
      page.push(sliceOf(entry))
      if (page.length >= limit) break
    }
    return page
  }

  due(nowMs: number, limit: number): string[] {
    const ids: string[] = []
    if (limit <= 0) return ids
    for (const entry of this.#byTime) {
      if (entry.dueMs === null || entry.dueMs > nowMs) break
      ids.push(entry.id)
      if (ids.length >= limit) break
    }
    return ids
  }

  nextDueMs(): number | null {
    return this.#byTime.first?.dueMs ?? null
  }

  /** Looks whether the changes were made from what is here now; changes nothing. */
  conflict({ put = [], remove = [] }: SliceChanges): StoreFailure | null {
    const isStale = ({ id, version }: Pick<Slice, 'id' | 'version'>) =>
      (this.#entries.get(id)?.version ?? newSlice) !== version
    const stale = put.find(isStale) ?? remove.find(isStale)
    if (stale === undefined) return null
    return {
      reason: 'conflict',
      message: `The state of ${stale.id} changed after it was loaded.`,
      help: 'Load it again and repeat the step.',
    }
  }

  /** Takes over changes in which `conflict` found none. `places`: where the store keeps each slice that was put. */
  apply(changes: SliceChanges, places: readonly number[] = []): void {
    this.#version += 1
    for (const [index, { id, data, dueMs }] of (changes.put ?? []).entries()) {
      const entry = this.#entries.get(id)
      if (entry === undefined) this.#add(id, data, dueMs, places[index] ?? noPlace)
      else this.#replace(entry, data, dueMs)
    }
    for (const { id } of changes.remove ?? []) this.#remove(id)
  }

  /**
   * Takes what was read from disk into an empty set; quickest in order of id. Throws a SyntaxError when an id comes
   * twice.
   */
  restore(slices: Iterable<Omit<Entry, 'version'>>): void {
    this.#version += 1
    const timers: Entry[] = []
    for (const { id, data, dueMs, place } of slices) {
      if (this.#entries.has(id)) throw new SyntaxError(`${id} is there twice`)
      const entry: Entry = { id, data, dueMs, version: this.#version, place }
      this.#entries.set(id, entry)
      this.#byId.add(entry)
      if (dueMs !== null) timers.push(entry)
    }
    // Items that come in order are added at once, in any other order each must find its place in a cold list.
    for (const entry of timers.sort(compareTimes)) this.#byTime.add(entry)
  }

  #add(id: string, data: unknown, dueMs: number | null, place: number): void {
    const entry: Entry = { id, data, dueMs, version: this.#version, place }
    this.#entries.set(id, entry)
    this.#byId.add(entry)
    if (dueMs !== null) this.#byTime.add(entry)
  }

  #replace(entry: Entry, data: unknown, dueMs: number | null): void {
    entry.data = data
    entry.version = this.#version
    if (entry.dueMs === dueMs) return
    if (entry.dueMs !== null) this.#byTime.remove(entry)
    entry.dueMs = dueMs
    if (dueMs !== null) this.#byTime.add(entry)
  }

  #remove(id: string): void {
    const entry = this.#entries.get(id)
    if (entry === undefined) return
    this.#entries.delete(id)
    this.#byId.remove(entry)
    if (entry.dueMs !== null) this.#byTime.remove(entry)
  }
}

function compareIds(a: Entry, b: Entry): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0
}

/** Only of entries that have a time. */
function compareTimes(a: Entry, b: Entry): number {
  return (a.dueMs ?? 0) - (b.dueMs ?? 0) || compareIds(a, b)
}

function sliceOf({ id, data, dueMs, version }: Entry): Slice {
  return { id, data, dueMs, version }
}

function probe(id: string): Entry {
  return { id, data: null, dueMs: null, version: newSlice, place: noPlace }
}
