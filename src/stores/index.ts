/** The stores that can be chosen in `settings.storage`. */
import type { Store } from '../ports/store.ts'
import { createMemoryStore } from './memory/memory-store.ts'
import { createSqliteStore } from './sqlite/sqlite-store.ts'

export { probeSqlite } from './sqlite/probe.ts'

/** `storage`: the word `memory`, or the path of a database file. */
export function createStore(storage: string): Store {
  return storage === 'memory' ? createMemoryStore() : createSqliteStore(storage)
}
