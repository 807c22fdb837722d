/** The plainest possible store, to compare real ones with, and short words for tests of stores. */
import {
  type Commit,
  type JournalEntry,
  type JournalName,
  newSlice,
  type OutboxRow,
  type Slice,
  type Store,
  type StoreOutcome,
} from '../../src/ports/store.ts'
import { type JournalLimits, journalNames } from '../../src/stores/journal-limits.ts'

export interface Change {
  readonly puts: readonly Omit<Slice, 'version'>[]
  readonly removes: readonly string[]
  readonly sends: readonly { readonly line: string; readonly payload: Uint8Array }[]
  /** How many rows leave from the head of line x. */
  readonly delivers: number
  readonly notes: readonly JournalName[]
  /** How many dead letters are removed, newest first. */
  readonly forgets: number
}

export class NaiveStore {
  #slices: Omit<Slice, 'version'>[] = []
  #outbox: OutboxRow[] = []
  #journal: (Omit<JournalEntry, 'seq'> & { seq: number })[] = []
  readonly #dropped = { 'dead-letter': 0, audit: 0, inbox: 0 }
  readonly #limits: JournalLimits
  #notes = 0

  constructor(limits: JournalLimits) {
    this.#limits = limits
  }

  /** The commit that makes this change, with the versions of what was loaded. */
  plan(change: Change, nowMs: number, loaded: ReadonlyMap<string, Slice>): Commit {
    const version = (id: string) => loaded.get(id)?.version ?? newSlice
    const remove = change.removes.filter((id) => !change.puts.some((put) => put.id === id))
    const letters = this.#of('dead-letter').slice(-change.forgets || Number.POSITIVE_INFINITY)
    return {
      slices: {
        put: change.puts.map((put) => ({ ...put, version: version(put.id) })),
        remove: remove.map((id) => ({ id, version: version(id) })),
      },
      outbox: {
        add: change.sends.map(({ line, payload }) => ({
          line,
          atMs: nowMs,
          effect: { kind: 'publish', broker: 'b', message: { topic: 't', payload, qos: 1, retain: false } },
        })),
        remove: this.#outbox.filter(({ line }) => line === 'x').slice(0, change.delivers),
      },
      journal: {
        add: change.notes.map((journal) => {
          this.#notes += 1
          return { journal, subject: 's', atMs: nowMs, data: this.#notes }
        }),
        remove: letters,
      },
    }
  }

  apply({ slices, outbox, journal }: Commit, outboxSeqs: readonly number[]): void {
    const touched = [...(slices?.put ?? []), ...(slices?.remove ?? [])].map(({ id }) => id)
    this.#slices = this.#slices.filter(({ id }) => !touched.includes(id))
    for (const { id, data, dueMs } of slices?.put ?? []) this.#slices.push({ id, data, dueMs })

    const delivered = (outbox?.remove ?? []).map(({ seq }) => seq)
    this.#outbox = this.#outbox.filter(({ seq }) => !delivered.includes(seq))
    for (const [index, row] of (outbox?.add ?? []).entries()) {
      this.#outbox.push({ ...row, seq: outboxSeqs[index]! })
    }

    for (const name of journalNames) {
      const forgotten = (journal?.remove ?? [])
        .filter((entry) => entry.journal === name)
        .map(({ seq }) => seq)
      const added = (journal?.add ?? []).filter((entry) => entry.journal === name)
      let kept = this.#of(name).filter(({ seq }) => !forgotten.includes(seq))
      const last = added.at(-1)
      if (last !== undefined) {
        const seqOf = (at: number) => this.#lastSeq[name] + at + 1
        kept = [...kept, ...added.map((entry, at) => ({ ...entry, seq: seqOf(at) }))]
        this.#lastSeq[name] += added.length
        kept = kept.filter(({ atMs }) => atMs >= last.atMs - this.#limits[name].ageMs)
        const excess = Math.max(0, kept.length - this.#limits[name].entries)
        this.#dropped[name] += excess
        kept = kept.slice(excess)
      }
      this.#journal = [...this.#journal.filter((entry) => entry.journal !== name), ...kept]
    }
  }

  readonly #lastSeq = { 'dead-letter': 0, audit: 0, inbox: 0 }

  #of(name: JournalName) {
    return this.#journal.filter(({ journal }) => journal === name)
  }

  /** Everything there is to see. */
  seen() {
    const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
    const slices = this.#slices.toSorted(byId)
    const due = slices
      .filter((slice) => slice.dueMs !== null && slice.dueMs <= 3)
      .toSorted((a, b) => a.dueMs! - b.dueMs! || byId(a, b))
    const times = slices.flatMap(({ dueMs }) => (dueMs === null ? [] : [dueMs]))
    return {
      slices: slices.map(({ id, data, dueMs }) => ({ id, data: throughJson(data), dueMs })),
      due: due.map(({ id }) => id),
      nextDueMs: times.length === 0 ? null : Math.min(...times),
      outbox: ['x', 'y'].map((line) => this.#outbox.filter((row) => row.line === line)),
      sizes: ['x', 'y'].map((line) => this.#outbox.filter((row) => row.line === line).length),
      journals: journalNames.map((name) =>
        this.#of(name)
          .map(({ data }) => data)
          .reverse(),
      ),
      counts: journalNames.map((name) => ({ kept: this.#of(name).length, dropped: this.#dropped[name] })),
    }
  }

  /** The same, asked of a real store. */
  async seenIn(store: Store): Promise<ReturnType<NaiveStore['seen']>> {
    const slices: Slice[] = []
    for (;;) {
      const page = value(await store.scan('', slices.at(-1)?.id ?? null, 3))
      if (page.length === 0) break
      slices.push(...page)
    }
    const sizes = value(await store.outboxSizes())
    const loaded = value(await store.load(slices.map(({ id }) => id)))
    return {
      slices: [...loaded.values()].map(({ id, data, dueMs }) => ({ id, data: throughJson(data), dueMs })),
      due: value(await store.due(3, 100)),
      nextDueMs: value(await store.nextDueMs()),
      outbox: await Promise.all(['x', 'y'].map(async (line) => value(await store.outbox(line, 0, 1_000)))),
      sizes: ['x', 'y'].map((line) => sizes.get(line) ?? 0),
      journals: await Promise.all(
        journalNames.map(async (name) =>
          value(await store.journal(name, { limit: 100 })).map(({ data }) => data),
        ),
      ),
      counts: await Promise.all(journalNames.map(async (name) => value(await store.journalCounts(name)))),
    }
  }
}

export function value<T>(outcome: StoreOutcome<T>): T {
  if (!outcome.ok) throw new Error(`${outcome.failure.reason}: ${outcome.failure.message}`)
  return outcome.value
}

export async function commit(
  store: Store,
  change: Commit,
): Promise<{ readonly outboxSeqs: readonly number[] }> {
  return value(await store.commit(change))
}

/** Slices that are not in the store yet. */
export function puts(...slices: Omit<Slice, 'version'>[]): { put: Slice[] } {
  return { put: slices.map((slice) => ({ ...slice, version: newSlice })) }
}

export async function removes(store: Store, ...ids: string[]): Promise<{ remove: Slice[] }> {
  return { remove: [...value(await store.load(ids)).values()] }
}

/** JSON knows no negative zero. */
function throughJson(data: unknown): unknown {
  return JSON.parse(JSON.stringify(data))
}
