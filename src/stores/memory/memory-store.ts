/** The store of demos, tests and simulations: everything in memory, nothing outlives the process. */
import type {
  Commit,
  JournalEntry,
  JournalName,
  OutboxRow,
  Slice,
  Store,
  StoreFailure,
  StoreOutcome,
} from '../../ports/store.ts'
import { checkCommit } from '../check-commit.ts'
import {
  defaultJournalLimits,
  type JournalLimit,
  type JournalLimits,
  journalNames,
} from '../journal-limits.ts'
import { checkPlain, decodePlain, encodePlain } from '../plain-codec.ts'
import { WorkingSet } from '../working-set.ts'

/** Answered as SQLite would answer, so that a rule tried in memory behaves the same on disk. */
class MemoryStore implements Store {
  readonly durable = false
  readonly #slices = new WorkingSet()
  readonly #lines = new Map<string, Map<number, OutboxRow>>()
  readonly #journals: Record<JournalName, Journal>
  #lastSeq = 0

  constructor(limits: JournalLimits) {
    this.#journals = {
      'dead-letter': new Journal(limits['dead-letter']),
      audit: new Journal(limits.audit),
      inbox: new Journal(limits.inbox),
    }
  }

  async open(): Promise<StoreOutcome<void>> {
    return done(undefined)
  }

  async close(): Promise<void> {}

  async load(ids: Iterable<string>): Promise<StoreOutcome<Map<string, Slice>>> {
    return done(this.#slices.load(ids))
  }

  async scan(prefix: string, after: string | null, limit: number): Promise<StoreOutcome<Slice[]>> {
    return done(this.#slices.scan(prefix, after, limit))
  }

  async due(nowMs: number, limit: number): Promise<StoreOutcome<string[]>> {
    return done(this.#slices.due(nowMs, limit))
  }

  async nextDueMs(): Promise<StoreOutcome<number | null>> {
    return done(this.#slices.nextDueMs())
  }

  async commit(commit: Commit): Promise<StoreOutcome<{ outboxSeqs: number[] }>> {
    const { slices = {}, outbox = {}, journal = {} } = commit
    // Whatever may throw or fail comes before the first change.
    checkCommit(commit)
    const conflict = this.#slices.conflict(slices)
    if (conflict !== null) return failed(conflict)
    for (const { data } of slices.put ?? []) checkPlain(data)
    const rows = (outbox.add ?? []).map((row) => ({ ...row, effect: copied(row.effect) }))
    const entries = (journal.add ?? []).map((entry) => ({ ...entry, data: copied(entry.data) }))

    this.#slices.apply(slices)
    const outboxSeqs = rows.map((row) => this.#enqueue(row))
    for (const { line, seq } of outbox.remove ?? []) this.#dequeue(line, seq)
    for (const entry of entries) this.#journals[entry.journal].add(entry)
    for (const entry of journal.remove ?? []) this.#journals[entry.journal].remove(entry.seq)
    for (const name of journalNames) {
      const last = entries.findLast((entry) => entry.journal === name)
      if (last !== undefined) this.#journals[name].trim(last.atMs)
    }
    return done({ outboxSeqs })
  }

  async outbox(line: string, afterSeq: number, limit: number): Promise<StoreOutcome<OutboxRow[]>> {
    const rows = this.#lines.get(line)?.values() ?? [].values()
    return done([...rows.filter(({ seq }) => seq > afterSeq).take(limit)])
  }

  async outboxSizes(): Promise<StoreOutcome<ReadonlyMap<string, number>>> {
    return done(new Map([...this.#lines].map(([line, rows]) => [line, rows.size])))
  }

  async journal(
    journal: JournalName,
    page: { before?: number | undefined; limit: number; subject?: string | undefined },
  ): Promise<StoreOutcome<JournalEntry[]>> {
    return done(
      this.#journals[journal].page(page.before ?? Number.POSITIVE_INFINITY, page.limit, page.subject),
    )
  }

  async journalCounts(journal: JournalName): Promise<StoreOutcome<{ kept: number; dropped: number }>> {
    const { kept, dropped } = this.#journals[journal]
    return done({ kept, dropped })
  }

  #enqueue(row: Omit<OutboxRow, 'seq'>): number {
    this.#lastSeq += 1
    let rows = this.#lines.get(row.line)
    if (rows === undefined) {
      rows = new Map()
      this.#lines.set(row.line, rows)
    }
    rows.set(this.#lastSeq, { ...row, seq: this.#lastSeq })
    return this.#lastSeq
  }

  #dequeue(line: string, seq: number): void {
    const rows = this.#lines.get(line)
    rows?.delete(seq)
    if (rows?.size === 0) this.#lines.delete(line)
  }
}

/** One bounded history; a Map keeps its entries in the order in which they came. */
class Journal {
  dropped = 0
  #lastSeq = 0
  readonly #limit: JournalLimit
  readonly #entries = new Map<number, JournalEntry>()

  constructor(limit: JournalLimit) {
    this.#limit = limit
  }

  get kept(): number {
    return this.#entries.size
  }

  add(entry: Omit<JournalEntry, 'seq'>): void {
    this.#lastSeq += 1
    this.#entries.set(this.#lastSeq, { ...entry, seq: this.#lastSeq })
  }

  trim(nowMs: number): void {
    for (const { seq, atMs } of this.#entries.values()) {
      const old = atMs < nowMs - this.#limit.ageMs
      if (!old && this.#entries.size <= this.#limit.entries) break
      if (!old) this.dropped += 1
      this.#entries.delete(seq)
    }
  }

  remove(seq: number): void {
    this.#entries.delete(seq)
  }

  page(before: number, limit: number, subject: string | undefined): JournalEntry[] {
    return [...this.#entries.values()]
      .reverse()
      .values()
      .filter((entry) => entry.seq < before && (subject === undefined || entry.subject === subject))
      .take(limit)
      .toArray()
  }
}

function copied<T>(data: T): T {
  return decodePlain(encodePlain(data)) as T
}

function done<T>(value: T): StoreOutcome<T> {
  return { ok: true, value }
}

function failed(failure: StoreFailure): StoreOutcome<never> {
  return { ok: false, failure }
}

/** Slices are kept as they are given, not copied: they must never be changed in place. */
export function createMemoryStore(options: { journalLimits?: JournalLimits } = {}): Store {
  return new MemoryStore(options.journalLimits ?? defaultJournalLimits)
}
