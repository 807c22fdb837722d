/** Durable state: slices with their timers, the outbox, dead letters and the audit trail, changed in one commit. */
import type { Effect } from '../core/effect.ts'

/** Why the store could not do it, as a typed reason and in words with a next step. */
export interface StoreFailure {
  /**
   * full, io: the disk; try again later. corrupt: damaged. locked: another engine has it. path: cannot be opened
   * there. version: written by a newer program. conflict: a slice changed since it was loaded; load and step again.
   */
  readonly reason: 'full' | 'io' | 'corrupt' | 'locked' | 'path' | 'version' | 'conflict'
  readonly message: string
  readonly help: string
}

export type StoreOutcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: StoreFailure }

/** The unit of state: what one step reads and replaces whole. Its timer is kept, fires and goes with it. */
export interface Slice {
  /** Parts divided by `/`, its kind first: `rule/<rule>/<key>`. Any text but the empty one. */
  readonly id: string
  /** Plain data: null, booleans, finite numbers, strings, lists, mappings, Uint8Array. Never changed in place. */
  readonly data: unknown
  /** When its next timer is due, in whole ms since the epoch; null: it has none. */
  readonly dueMs: number | null
  /** Opaque; as loaded, or `newSlice`. A commit that was made from an older version is a conflict. */
  readonly version: number
}

/** The version of a slice that is not in the store yet. */
export const newSlice = 0

/** What waits to leave, first in, first out on its line. */
export interface OutboxRow {
  /** Given by the store; rises with every row and is never used again. */
  readonly seq: number
  /** `broker:default`, `channel:email`, … */
  readonly line: string
  readonly atMs: number
  readonly effect: Effect
}

/** Bounded histories: the newest entries are kept. `inbox`: what would have been sent, where settings say to keep it. */
export type JournalName = 'dead-letter' | 'audit' | 'inbox'

export interface JournalEntry {
  /** As in the outbox. */
  readonly seq: number
  readonly journal: JournalName
  /** What it is about (an alert, a rule, a line), to find its entries again. */
  readonly subject: string
  readonly atMs: number
  /** Plain data, as in a slice. */
  readonly data: unknown
}

/** All of it becomes durable, or nothing. A slice may occur once; removing what is not there does nothing. */
export interface Commit {
  readonly slices?: {
    readonly put?: readonly Slice[]
    readonly remove?: readonly Pick<Slice, 'id' | 'version'>[]
  }
  readonly outbox?: {
    readonly add?: readonly Omit<OutboxRow, 'seq'>[]
    readonly remove?: readonly Pick<OutboxRow, 'line' | 'seq'>[]
  }
  readonly journal?: {
    readonly add?: readonly Omit<JournalEntry, 'seq'>[]
    readonly remove?: readonly Pick<JournalEntry, 'journal' | 'seq'>[]
  }
}

export interface Store {
  /** Whether what was committed outlives the process. */
  readonly durable: boolean
  open(): Promise<StoreOutcome<void>>
  /** Safe to call twice, and after a failed open. */
  close(): Promise<void>
  /** The slices that exist among these, in a map that the caller may keep and change. */
  load(ids: Iterable<string>): Promise<StoreOutcome<Map<string, Slice>>>
  /**
   * One page of the slices whose id begins with `prefix`, in order of id, after the id `after`. An empty page is
   * the end. Slices that exist throughout a walk of pages are seen exactly once, whatever is committed between.
   */
  scan(prefix: string, after: string | null, limit: number): Promise<StoreOutcome<Slice[]>>
  /** Ids of slices due at `nowMs` or before, ordered by time, then id. They stay due until a commit changes them. */
  due(nowMs: number, limit: number): Promise<StoreOutcome<string[]>>
  nextDueMs(): Promise<StoreOutcome<number | null>>
  /**
   * After a failure everything reads as before; if the process then dies, a commit that failed for `io` may still
   * be found done. Data that is not plain, and times not in whole ms, reject with a TypeError and change nothing. Answers with the `seq` of
   * every added outbox row.
   */
  commit(commit: Commit): Promise<StoreOutcome<{ readonly outboxSeqs: readonly number[] }>>
  /** Rows of a line with a `seq` above `afterSeq` (0: from its head), oldest first. */
  outbox(line: string, afterSeq: number, limit: number): Promise<StoreOutcome<OutboxRow[]>>
  /** Number of rows on every line that has any. */
  outboxSizes(): Promise<StoreOutcome<ReadonlyMap<string, number>>>
  /** Newest first, with a `seq` below `before`; of one subject, if given. */
  journal(
    journal: JournalName,
    page: {
      readonly before?: number | undefined
      readonly limit: number
      readonly subject?: string | undefined
    },
  ): Promise<StoreOutcome<JournalEntry[]>>
  /** `dropped`: how many were pushed out by newer ones since the store was made, never those only grown old. */
  journalCounts(
    journal: JournalName,
  ): Promise<StoreOutcome<{ readonly kept: number; readonly dropped: number }>>
}
