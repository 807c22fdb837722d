/**
 * All slices in memory, by id, in order of id and in order of time: what stores beside the engine read from. A
 * million slices as objects take a gigabyte: those that were not used lately are kept as the text they are stored as.
 */
import { newSlice, type Slice, type StoreFailure } from '../ports/store.ts'
import { decodePlain } from './plain-codec.ts'
import { SortedList } from './sorted-list.ts'

/** How the store keeps a slice. */
export interface StoredForm {
  /** Where, as the store counts. */
  readonly place: number
  /** Its data, as `encodePlain` wrote it. */
  readonly text: string
}

/** A slice as it was read from disk. */
export interface StoredSlice extends StoredForm {
  readonly id: string
  readonly dueMs: number | null
}

/** Changed in place, so that the two orders need touching only when a slice comes, goes or changes its time. */
interface Entry {
  readonly id: string
  /** `asText`: to be read from the text. */
  data: unknown
  /** Null in a store that keeps its slices nowhere else: data stays. */
  text: string | null
  dueMs: number | null
  version: number
  readonly place: number
}

const asText = Symbol('as text')
/** Of a store that keeps its slices nowhere else. */
const noPlace = 0
/** Slices whose data is kept beside their text: the latest that were used, some 20 MB. */
const readLimit = 16_384

export interface SliceChanges {
  readonly put?: readonly Slice[]
  readonly remove?: readonly Pick<Slice, 'id' | 'version'>[]
}

export class WorkingSet {
  readonly #entries = new Map<string, Entry>()
  readonly #byId = new SortedList<Entry>(compareIds)
  readonly #byTime = new SortedList<Entry>(compareTimes)
  /** Those whose data is kept beside their text, in a ring: whoever takes a place sends its holder away. */
  readonly #read: (Entry | undefined)[] = []
  #readAt = 0
  /** One version for all slices of a commit, so that a slice removed and made again has another. */
  #version = newSlice

  get size(): number {
    return this.#entries.size
  }

  /** Where the store said that the slice is kept; undefined when there is no such slice. */
  placeOf(id: string): number | undefined {
    return this.#entries.get(id)?.place
  }

  /** Throws a SyntaxError for text that is damaged. */
  load(ids: Iterable<string>): Map<string, Slice> {
    const found = new Map<string, Slice>()
    for (const id of ids) {
      const entry = this.#entries.get(id)
      if (entry === undefined) continue
      if (entry.data === asText) this.#keepRead(entry, readText(entry))
      found.set(id, sliceOf(entry))
    }
    return found
  }

  /** As `load`; what a walk comes by is not kept as read. */
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

  /** Takes over changes in which `conflict` found none. `forms`: how the store keeps each slice that was put. */
  apply(changes: SliceChanges, forms: readonly StoredForm[] = []): void {
    this.#version += 1
    for (const [index, slice] of (changes.put ?? []).entries()) {
      const entry = this.#entries.get(slice.id)
      const form = forms[index]
      if (entry === undefined) this.#add(slice, form)
      else this.#replace(entry, slice, form)
    }
    for (const { id } of changes.remove ?? []) this.#remove(id)
  }

  /** Takes what was read from disk, in any order, into an empty set. Throws a SyntaxError when an id comes twice. */
  restore(slices: Iterable<StoredSlice>): void {
    this.#version += 1
    const entries: Entry[] = []
    for (const { id, text, dueMs, place } of slices) {
      if (this.#entries.has(id)) throw new SyntaxError(`${id} is there twice`)
      const entry: Entry = { id, data: asText, text, dueMs, version: this.#version, place }
      this.#entries.set(id, entry)
      entries.push(entry)
    }
    // Items that come in order are added at once, in any other order each must find its place in a cold list.
    for (const entry of entries.sort(compareIds)) this.#byId.add(entry)
    const timers = entries.filter(({ dueMs }) => dueMs !== null)
    for (const entry of timers.sort(compareTimes)) this.#byTime.add(entry)
  }

  #add({ id, data, dueMs }: Slice, form: StoredForm | undefined): void {
    const version = this.#version
    const entry: Entry = { id, data: asText, text: null, dueMs, version, place: form?.place ?? noPlace }
    this.#setData(entry, data, form)
    this.#entries.set(id, entry)
    this.#byId.add(entry)
    if (dueMs !== null) this.#byTime.add(entry)
  }

  #replace(entry: Entry, { data, dueMs }: Slice, form: StoredForm | undefined): void {
    this.#setData(entry, data, form)
    entry.version = this.#version
    if (entry.dueMs === dueMs) return
    if (entry.dueMs !== null) this.#byTime.remove(entry)
    entry.dueMs = dueMs
    if (dueMs !== null) this.#byTime.add(entry)
  }

  #setData(entry: Entry, data: unknown, form: StoredForm | undefined): void {
    entry.text = form?.text ?? null
    if (entry.text !== null && entry.data === asText) this.#keepRead(entry, data)
    else entry.data = data
  }

  #keepRead(entry: Entry, data: unknown): void {
    const leaves = this.#read[this.#readAt]
    if (leaves !== undefined) leaves.data = asText
    entry.data = data
    this.#read[this.#readAt] = entry
    this.#readAt = (this.#readAt + 1) % readLimit
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

function sliceOf(entry: Entry): Slice {
  const { id, data, dueMs, version } = entry
  return { id, data: data === asText ? readText(entry) : data, dueMs, version }
}

function readText({ id, text }: Entry): unknown {
  try {
    return decodePlain(text ?? '')
  } catch {
    throw new SyntaxError(`the row of ${id} is no JSON`)
  }
}

function probe(id: string): Entry {
  return { id, data: null, text: null, dueMs: null, version: newSlice, place: noPlace }
}
