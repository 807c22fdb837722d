/** Looks into the database of a Tocsin that does not answer: opening it fails while one runs. */
import { existsSync } from 'node:fs'
import type { Settings } from '../config/configuration.ts'
import { journalPage } from '../engine/journal-views.ts'
import type { JournalQuery, Page } from '../ports/control.ts'
import type { JournalEntry, JournalName } from '../ports/store.ts'
import type { Parts } from './parts.ts'

export type FromStore<T> =
  | { readonly ok: true; readonly page: Page<T, number> }
  | { readonly ok: false; readonly message: string; readonly help: string }

/** Newest first. Null when there is no database. */
export async function journalFromStore<T extends { readonly seq: number }>(
  { storage }: Settings,
  journal: JournalName,
  query: JournalQuery,
  view: (entry: JournalEntry) => T,
  parts: Pick<Parts, 'createStore'>,
): Promise<FromStore<T> | null> {
  if (storage === 'memory' || !existsSync(storage)) return null
  const store = parts.createStore(storage)
  const opened = await store.open()
  if (!opened.ok) return { ok: false, ...opened.failure }
  const page = await journalPage(store, journal, query, view)
  await store.close()
  return page.ok ? { ok: true, page: page.value } : { ok: false, ...page.failure }
}
