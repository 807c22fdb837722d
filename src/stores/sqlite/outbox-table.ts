/** The outbox on disk, with the length of every line in memory. Rows are read only when their turn comes. */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { Effect } from '../../core/effect.ts'
import type { Commit, OutboxRow } from '../../ports/store.ts'
import { decodePlain, decodeText, encodePlain, encodeText } from '../plain-codec.ts'

export class OutboxTable {
  readonly #sizes = new Map<string, number>()
  /** What the running transaction adds to the lengths. */
  readonly #changes = new Map<string, number>()
  readonly #add: StatementSync
  readonly #remove: StatementSync
  readonly #page: StatementSync

  constructor(db: DatabaseSync) {
    this.#add = db.prepare('insert into outbox (line, at_ms, effect) values (?, ?, ?)')
    this.#remove = db.prepare('delete from outbox where seq = ? and line = ?')
    this.#page = db.prepare(
      'select seq, line, at_ms as atMs, effect from outbox where line = ? and seq > ? order by seq limit ?',
    )
    for (const row of db.prepare('select line, count(*) as size from outbox group by line').all()) {
      const { line, size } = row as { line: string; size: number }
      this.#sizes.set(decodeText(line), size)
    }
  }

  /** Inside a transaction; `keep` or `undo` follows. Answers with the numbers of the added rows. */
  write({ add = [], remove = [] }: NonNullable<Commit['outbox']>): number[] {
    const seqs = add.map(({ line, atMs, effect }) => {
      const { lastInsertRowid } = this.#add.run(encodeText(line), atMs, encodePlain(effect))
      this.#change(line, 1)
      return Number(lastInsertRowid)
    })
    for (const { line, seq } of remove) {
      if (this.#remove.run(seq, encodeText(line)).changes !== 0) this.#change(line, -1)
    }
    return seqs
  }

  keep(): void {
    for (const [line, change] of this.#changes) {
      const size = (this.#sizes.get(line) ?? 0) + change
      if (size === 0) this.#sizes.delete(line)
      else this.#sizes.set(line, size)
    }
    this.#changes.clear()
  }

  undo(): void {
    this.#changes.clear()
  }

  page(line: string, afterSeq: number, limit: number): OutboxRow[] {
    return this.#page.all(encodeText(line), afterSeq, limit).map((row) => {
      const { seq, line, atMs, effect } = row as { seq: number; line: string; atMs: number; effect: string }
      return { seq, line: decodeText(line), atMs, effect: decodePlain(effect) as Effect }
    })
  }

  sizes(): ReadonlyMap<string, number> {
    return new Map(this.#sizes)
  }

  #change(line: string, by: number): void {
    this.#changes.set(line, (this.#changes.get(line) ?? 0) + by)
  }
}
