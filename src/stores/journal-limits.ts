/** How much of each history a store keeps. */
import type { JournalName } from '../ports/store.ts'

export interface JournalLimit {
  /** The newest so many are kept. */
  readonly entries: number
  /** Older ones go when the next entry comes. */
  readonly ageMs: number
}

export type JournalLimits = Readonly<Record<JournalName, JournalLimit>>

const dayMs = 24 * 60 * 60 * 1000

export const defaultJournalLimits: JournalLimits = {
  'dead-letter': { entries: 1_000, ageMs: 90 * dayMs },
  audit: { entries: 100_000, ageMs: 90 * dayMs },
  inbox: { entries: 1_000, ageMs: 90 * dayMs },
}

export const journalNames: readonly JournalName[] = ['dead-letter', 'audit', 'inbox']
