/**
 * The store of production: one SQLite file, one writer. Slices are read from memory; a commit writes only what
 * changed and is on the disk when it returns.
 */
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setFlagsFromString } from 'node:v8'
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
import { defaultJournalLimits, type JournalLimits, journalNames } from '../journal-limits.ts'
import { decodeText, encodePlain, encodeText } from '../plain-codec.ts'
import { type StoredForm, type StoredSlice, WorkingSet } from '../working-set.ts'
import { JournalTable } from './journal-table.ts'
import { OutboxTable } from './outbox-table.ts'
import { fileState, migrate, migrations } from './schema.ts'
import { corruptFailure, failureOf, foreignFailure, newerFailure } from './sqlite-failure.ts'

/** The write-ahead log shrinks to this again after a burst. */
const walKeepBytes = 64 * 1024 * 1024
/** Rows are read once, at the start; what is written again and again is at the end. */
const cacheBytes = 16 * 1024 * 1024
/** Rows read in one go at the start. */
const readPage = 1_000

/**
 * With many slices garbage may add so little to what lives before it is collected, in percent. V8 by itself lets it
 * add as much again where there is much memory: a million states then took twice what they need.
 */
const heapGrowingPercent = 10
const manySlices = 100_000

/** Everything that lives only while the file is open. */
interface Opened {
  readonly db: DatabaseSync
  readonly slices: WorkingSet
  readonly outbox: OutboxTable
  readonly journals: Readonly<Record<JournalName, JournalTable>>
  readonly addSlice: StatementSync
  readonly changeSlice: StatementSync
  readonly removeSlice: StatementSync
}

class SqliteStore implements Store {
  readonly durable = true
  /** As the user wrote it, for messages. */
  readonly #path: string
  readonly #limits: JournalLimits
  #opened: Opened | null = null
  #sparesMemory = false

  constructor(path: string, limits: JournalLimits) {
    this.#path = path
    this.#limits = limits
  }

  async open(): Promise<StoreOutcome<void>> {
    if (this.#opened !== null) throw new Error('The store is already open')
    let db: DatabaseSync | null = null
    const outcome = this.#attempt((): StoreOutcome<void> => {
      db = openFile(resolve(this.#path))
      const state = fileState(db)
      if (state.kind === 'foreign') return failed(foreignFailure(this.#path))
      const version = state.kind === 'ours' ? state.version : 0
      if (version > migrations.length) {
        return failed(newerFailure(this.#path, version, migrations.length))
      }
      becomeOnlyWriter(db)
      migrate(db, version)
      checkRows(db)
      const slices = new WorkingSet()
      slices.restore(readSlices(db))
      this.#spareMemory(slices.size)
      this.#opened = {
        db,
        slices,
        outbox: new OutboxTable(db),
        journals: {
          'dead-letter': new JournalTable(db, 'dead-letter', this.#limits['dead-letter']),
          audit: new JournalTable(db, 'audit', this.#limits.audit),
          inbox: new JournalTable(db, 'inbox', this.#limits.inbox),
        },
        addSlice: db.prepare('insert into slice (id, data, due_ms) values (?, ?, ?)'),
        changeSlice: db.prepare('update slice set data = ?, due_ms = ? where place = ?'),
        removeSlice: db.prepare('delete from slice where place = ?'),
      }
      return done(undefined)
    })
    if (!outcome.ok) (db as DatabaseSync | null)?.close()
    return outcome
  }

  async close(): Promise<void> {
    this.#opened?.db.close()
    this.#opened = null
  }

  async load(ids: Iterable<string>): Promise<StoreOutcome<Map<string, Slice>>> {
    const { slices } = this.#use()
    return this.#attempt(() => done(slices.load(ids)))
  }

  async scan(prefix: string, after: string | null, limit: number): Promise<StoreOutcome<Slice[]>> {
    const { slices } = this.#use()
    return this.#attempt(() => done(slices.scan(prefix, after, limit)))
  }

  async due(nowMs: number, limit: number): Promise<StoreOutcome<string[]>> {
    return done(this.#use().slices.due(nowMs, limit))
  }

  async nextDueMs(): Promise<StoreOutcome<number | null>> {
    return done(this.#use().slices.nextDueMs())
  }

  async commit(commit: Commit): Promise<StoreOutcome<{ outboxSeqs: number[] }>> {
    const { db, slices, outbox, journals } = this.#use()
    checkCommit(commit)
    const conflict = slices.conflict(commit.slices ?? {})
    if (conflict !== null) return failed(conflict)
    const tables = journalNames.map((name) => journals[name])
    const parts = [outbox, ...tables]
    const written = this.#attempt(() => {
      db.exec('begin immediate')
      try {
        const forms = this.#writeSlices(commit.slices ?? {})
        const outboxSeqs = outbox.write(commit.outbox ?? {})
        for (const entry of commit.journal?.add ?? []) journals[entry.journal].add(entry)
        for (const entry of commit.journal?.remove ?? []) journals[entry.journal].remove(entry.seq)
        for (const table of tables) table.trim()
        db.exec('commit')
        return done({ forms, outboxSeqs })
      } catch (error) {
        for (const part of parts) part.undo()
        // After some errors SQLite has rolled back already.
        if (db.isTransaction) db.exec('rollback')
        throw error
      }
    })
    if (!written.ok) return written
    // Memory follows the disk, never the other way.
    slices.apply(commit.slices ?? {}, written.value.forms)
    for (const part of parts) part.keep()
    this.#spareMemory(slices.size)
    return done({ outboxSeqs: written.value.outboxSeqs })
  }

  async outbox(line: string, afterSeq: number, limit: number): Promise<StoreOutcome<OutboxRow[]>> {
    const { outbox } = this.#use()
    return this.#attempt(() => done(outbox.page(line, afterSeq, limit)))
  }

  async outboxSizes(): Promise<StoreOutcome<ReadonlyMap<string, number>>> {
    return done(this.#use().outbox.sizes())
  }

  async journal(
    journal: JournalName,
    page: { before?: number | undefined; limit: number; subject?: string | undefined },
  ): Promise<StoreOutcome<JournalEntry[]>> {
    const table = this.#use().journals[journal]
    return this.#attempt(() => done(table.page(page.before, page.limit, page.subject)))
  }

  async journalCounts(journal: JournalName): Promise<StoreOutcome<{ kept: number; dropped: number }>> {
    return done(this.#use().journals[journal].counts())
  }

  /** Answers with the form of every slice that is put. */
  #writeSlices({ put = [], remove = [] }: NonNullable<Commit['slices']>): StoredForm[] {
    const { slices, addSlice, changeSlice, removeSlice } = this.#use()
    const forms = put.map(({ id, data, dueMs }): StoredForm => {
      const place = slices.placeOf(id)
      const text = encodePlain(data)
      if (place === undefined) {
        return { place: Number(addSlice.run(encodeText(id), text, dueMs).lastInsertRowid), text }
      }
      changeSlice.run(text, dueMs, place)
      return { place, text }
    })
    for (const { id } of remove) {
      const place = slices.placeOf(id)
      if (place !== undefined) removeSlice.run(place)
    }
    return forms
  }

  #spareMemory(slices: number): void {
    if (this.#sparesMemory || slices < manySlices) return
    this.#sparesMemory = true
    setFlagsFromString(`--heap-growing-percent=${heapGrowingPercent}`)
  }

  #use(): Opened {
    if (this.#opened === null) throw new Error('The store is not open')
    return this.#opened
  }

  /** Turns what the machine refuses into a failure; errors of the program go on. */
  #attempt<T>(work: () => StoreOutcome<T>): StoreOutcome<T> {
    try {
      return work()
    } catch (error) {
      // Rows are only ever written by the codec, so text it cannot read was damaged.
      if (error instanceof SyntaxError) return failed(corruptFailure(this.#path, error.message))
      const failure = failureOf(error, this.#path)
      if (failure === null) throw error
      return failed(failure)
    }
  }
}

function openFile(path: string): DatabaseSync {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  // Made here and not by SQLite, so that nobody else may read it, nor the log beside it, which takes its mode.
  closeSync(openSync(path, 'a', 0o600))
  return new DatabaseSync(path)
}

/** Holds the operating system's lock from here until the file is closed or the process ends, however it ends. */
function becomeOnlyWriter(db: DatabaseSync): void {
  db.exec('pragma locking_mode = exclusive')
  db.exec('pragma journal_mode = wal')
  // Every commit is on the disk when it returns; on macOS only fullfsync means that.
  db.exec('pragma synchronous = full')
  db.exec('pragma fullfsync = on')
  db.exec(`pragma journal_size_limit = ${walKeepBytes}`)
  db.exec(`pragma cache_size = ${-cacheBytes / 1024}`)
  // Sorting writes no files elsewhere, where there may be no room or no permission.
  db.exec('pragma temp_store = memory')
  // The lock is taken at the first write.
  db.exec('begin immediate')
  db.exec('commit')
}

/** Throws a SyntaxError for the first row that is damaged; SQLite looks at a million in half a second. */
function checkRows(db: DatabaseSync): void {
  // What begins with `~` has byte arrays beside it.
  const damaged = db.prepare(`select id from slice where not json_valid(ltrim(data, '~')) limit 1`).get() as
    | { id: string }
    | undefined
  if (damaged !== undefined) throw new SyntaxError(`the row of ${decodeText(damaged.id)} is no JSON`)
}

/** In order of place, as they lie in the file: sorting them all by id here would take their memory a second time. */
function* readSlices(db: DatabaseSync): Generator<StoredSlice, void, undefined> {
  const statement = db.prepare(
    'select place, id, data, due_ms from slice where place > ? order by place limit ?',
  )
  statement.setReturnArrays(true)
  // Pages take a third less time than rows one by one.
  for (let after = Number.MIN_SAFE_INTEGER; ; ) {
    const rows = statement.all(after, readPage) as unknown as [number, string, string, number | null][]
    for (const [place, id, text, dueMs] of rows) {
      yield { id: decodeText(id), text, dueMs, place }
      after = place
    }
    if (rows.length < readPage) return
  }
}

function done<T>(value: T): StoreOutcome<T> {
  return { ok: true, value }
}

function failed(failure: StoreFailure): StoreOutcome<never> {
  return { ok: false, failure }
}

/** `path`: the database file, made with its directory when it is not there; relative to the working directory. */
export function createSqliteStore(path: string, options: { journalLimits?: JournalLimits } = {}): Store {
  return new SqliteStore(path, options.journalLimits ?? defaultJournalLimits)
}
