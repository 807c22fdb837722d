/** One bounded history on disk: dead letters, the audit trail or the inbox. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { JournalEntry, JournalName } from '../../ports/store.ts'
import type { JournalLimit } from '../journal-limits.ts'
import { decodePlain, decodeText, encodePlain, encodeText } from '../plain-codec.ts'

/** Old entries that one commit takes away at most; the next one takes more. */
const agedPerCommit = 1_000

interface Counts {
  readonly kept: number
  readonly dropped: number
  /** Of the entry that came first; null when there is none. */
  readonly oldestMs: number | null
}

export class JournalTable {
  readonly #journal: JournalName
  readonly #limit: JournalLimit
  #counts: Counts
  /** As the running transaction leaves them. */
  #next: Counts
  /** When the running transaction's last entry was added. */
  #addedMs: number | null = null
  readonly #add: StatementSync
  readonly #remove: StatementSync
  readonly #removeAged: StatementSync
  readonly #removeFirst: StatementSync
  readonly #setDropped: StatementSync
  readonly #oldest: StatementSync
  readonly #page: StatementSync
  readonly #pageOfSubject: StatementSync

  constructor(db: DatabaseSync, journal: JournalName, limit: JournalLimit) {
    const table = journal.replace('-', '_')
    const first = `select seq from ${table} order by seq limit ?`
    const columns = 'seq, subject, at_ms as atMs, data'
    this.#journal = journal
    this.#limit = limit
    this.#add = db.prepare(`insert into ${table} (subject, at_ms, data) values (?, ?, ?)`)
    this.#remove = db.prepare(`delete from ${table} where seq = ?`)
    this.#removeAged = db.prepare(`delete from ${table} where at_ms < ? and seq in (${first})`)
    this.#removeFirst = db.prepare(`delete from ${table} where seq in (${first})`)
    this.#setDropped = db.prepare(`update journal_dropped set dropped = ? where journal = '${table}'`)
    this.#oldest = db.prepare(`select at_ms as atMs from ${table} order by seq limit 1`)
    this.#page = db.prepare(`select ${columns} from ${table} where seq < ? order by seq desc limit ?`)
    this.#pageOfSubject = db.prepare(
      `select ${columns} from ${table} where seq < ? and subject = ? order by seq desc limit ?`,
    )
    const counted = db
      .prepare(
        `select (select count(*) from ${table}) as kept,
                (select dropped from journal_dropped where journal = '${table}') as dropped`,
      )
      .get() as { kept: number; dropped: number }
    this.#counts = { ...counted, oldestMs: this.#readOldest() }
    this.#next = this.#counts
  }

  /** Inside a transaction; `trim`, then `keep` or `undo` follow. */
  add({ subject, atMs, data }: Omit<JournalEntry, 'seq'>): void {
    this.#add.run(encodeText(subject), atMs, encodePlain(data))
    this.#addedMs = atMs
    this.#next = { ...this.#next, kept: this.#next.kept + 1, oldestMs: this.#next.oldestMs ?? atMs }
  }

  remove(seq: number): void {
    const gone = Number(this.#remove.run(seq).changes)
    if (gone !== 0) this.#next = { ...this.#next, kept: this.#next.kept - gone, oldestMs: this.#readOldest() }
  }

  /** Takes away what is too old at the time of the newest entry, then what is too much. */
  trim(): void {
    if (this.#addedMs === null) return
    let { kept, dropped, oldestMs } = this.#next
    const cutoffMs = this.#addedMs - this.#limit.ageMs
    let gone = 0
    if (oldestMs !== null && oldestMs < cutoffMs) {
      gone += Number(this.#removeAged.run(cutoffMs, agedPerCommit).changes)
    }
    const excess = kept - gone - this.#limit.entries
    if (excess > 0) {
      gone += Number(this.#removeFirst.run(excess).changes)
      dropped += excess
      this.#setDropped.run(dropped)
    }
    if (gone === 0) return
    kept -= gone
    oldestMs = this.#readOldest()
    this.#next = { kept, dropped, oldestMs }
  }

  keep(): void {
    this.#counts = this.#next
    this.#addedMs = null
  }

  undo(): void {
    this.#next = this.#counts
    this.#addedMs = null
  }

  page(before: number | undefined, limit: number, subject: string | undefined): JournalEntry[] {
    const below = before ?? Number.MAX_SAFE_INTEGER
    const rows =
      subject === undefined
        ? this.#page.all(below, limit)
        : this.#pageOfSubject.all(below, encodeText(subject), limit)
    return rows.map((row) => {
      const { seq, subject, atMs, data } = row as { seq: number; subject: string; atMs: number; data: string }
      return { seq, journal: this.#journal, subject: decodeText(subject), atMs, data: decodePlain(data) }
    })
  }

  counts(): { kept: number; dropped: number } {
    const { kept, dropped } = this.#counts
    return { kept, dropped }
  }

  #readOldest(): number | null {
    const row = this.#oldest.get() as { atMs: number } | undefined
    return row?.atMs ?? null
  }
}
