/** The layout of the database file, as a list of steps that only ever grows: a file is at the step it has reached. */
import type { DatabaseSync } from 'node:sqlite'

/** Marks the file as ours (`Tocs`), so that a database of another program is not taken for one. */
export const applicationId = 0x54_6f_63_73

/** Never edit a step that was released: add one. `PRAGMA user_version` counts the steps a file has taken. */
export const migrations: readonly string[] = [
  `
  -- Sought by number, which memory knows for every id: new rows go to the end. With the id as the key, a million
  -- new slices took fifteen times as long, each on a page of its own.
  create table slice (
    place   integer primary key,
    id      text not null,
    data    text not null,
    due_ms  integer
  ) strict;

  -- autoincrement: the number of a row that has left is never given again.
  create table outbox (
    seq     integer primary key autoincrement,
    line    text not null,
    at_ms   integer not null,
    effect  text not null
  ) strict;
  create index outbox_line on outbox (line);

  create table dead_letter (
    seq     integer primary key autoincrement,
    subject text not null,
    at_ms   integer not null,
    data    text not null
  ) strict;
  create index dead_letter_subject on dead_letter (subject);

  create table audit (
    seq     integer primary key autoincrement,
    subject text not null,
    at_ms   integer not null,
    data    text not null
  ) strict;
  create index audit_subject on audit (subject);

  create table journal_dropped (
    journal text not null primary key,
    dropped integer not null
  ) strict, without rowid;
  insert into journal_dropped values ('dead_letter', 0), ('audit', 0);
  `,
  `
  create table inbox (
    seq     integer primary key autoincrement,
    subject text not null,
    at_ms   integer not null,
    data    text not null
  ) strict;
  create index inbox_subject on inbox (subject);
  insert into journal_dropped values ('inbox', 0);
  `,
]

export type FileState =
  | { readonly kind: 'empty' }
  | { readonly kind: 'ours'; readonly version: number }
  | { readonly kind: 'foreign' }

export function fileState(db: DatabaseSync): FileState {
  const version = pragma(db, 'user_version')
  if (pragma(db, 'application_id') === applicationId) return { kind: 'ours', version }
  const { count } = db.prepare('select count(*) as count from sqlite_schema').get() as { count: number }
  return count === 0 && version === 0 ? { kind: 'empty' } : { kind: 'foreign' }
}

/** Takes the steps that are missing, each whole or not at all. */
export function migrate(db: DatabaseSync, from: number, steps: readonly string[] = migrations): void {
  for (const [index, sql] of steps.entries()) {
    if (index < from) continue
    db.exec('begin immediate')
    try {
      db.exec(sql)
      db.exec(`pragma application_id = ${applicationId}`)
      db.exec(`pragma user_version = ${index + 1}`)
      db.exec('commit')
    } catch (error) {
      if (db.isTransaction) db.exec('rollback')
      throw error
    }
  }
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  const row = db.prepare(`pragma ${name}`).get() as Record<string, number> | undefined
  return row?.[name] ?? 0
}
