/** Tries whether a database can be used, and changes nothing in it. */
import { resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { StoreFailure, StoreOutcome } from '../../ports/store.ts'
import { fileState, migrations } from './schema.ts'
import { failureOf, foreignFailure, newerFailure } from './sqlite-failure.ts'

/** `path`: of a file that exists. Takes the lock that a running engine holds for as long as it lives, and lets go. */
export function probeSqlite(path: string): StoreOutcome<void> {
  let db: DatabaseSync | null = null
  try {
    db = new DatabaseSync(resolve(path), { timeout: 0 })
    const state = fileState(db)
    if (state.kind === 'foreign') return failed(foreignFailure(path))
    if (state.kind === 'ours' && state.version > migrations.length)
      return failed(newerFailure(path, state.version, migrations.length))
    db.exec('begin immediate')
    db.exec('rollback')
    return { ok: true, value: undefined }
  } catch (error) {
    const failure = failureOf(error, path)
    if (failure === null) throw error
    return failed(failure)
  } finally {
    db?.close()
  }
}

function failed(failure: StoreFailure): StoreOutcome<never> {
  return { ok: false, failure }
}
