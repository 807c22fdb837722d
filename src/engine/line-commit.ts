/** What one batch of the line commits: changed slices, what leaves by the outbox, and what is kept for the record. */
import type { Effect } from '../core/effect.ts'
import type { Outcome } from '../core/outcome.ts'
import type { Draft } from '../core/state.ts'
import { type Commit, newSlice, type OutboxRow, type Slice } from '../ports/store.ts'
import { deadLetterEntry } from './dead-letter-entry.ts'
import type { OutgoingLine } from './outgoing-line.ts'

export interface Batch {
  readonly draft: Draft
  /** As they were loaded. */
  readonly loaded: ReadonlyMap<string, Slice>
  readonly outcomes: readonly Outcome[]
  /** Those of the outcomes that fit into their lines. */
  readonly effects: readonly Effect[]
  readonly nowMs: number
}

export function commitOf(
  { draft, loaded, outcomes, effects, nowMs }: Batch,
  lineFor: (effect: Effect) => OutgoingLine,
): Commit {
  const put: Slice[] = []
  const remove: Pick<Slice, 'id' | 'version'>[] = []
  for (const [id, slice] of draft.changes) {
    const version = loaded.get(id)?.version ?? newSlice
    if (slice !== null) put.push({ id, data: slice.data, dueMs: wholeMs(slice.dueMs), version })
    else if (version !== newSlice) remove.push({ id, version })
  }
  const outbox = effects.map(
    (effect): Omit<OutboxRow, 'seq'> => ({ line: lineFor(effect).name, atMs: nowMs, effect }),
  )
  const journal = outcomes.flatMap((outcome) => [
    ...outcome.deadLetters.map(deadLetterEntry),
    ...outcome.transitions.map((transition) => ({
      journal: 'audit' as const,
      subject: transition.rule,
      atMs: transition.atMs,
      data: { ...transition },
    })),
    ...outcome.audit.map(({ subject, what, data, atMs }) => ({
      journal: 'audit' as const,
      subject,
      atMs,
      data: { ...data, what },
    })),
  ])
  return { slices: { put, remove }, outbox: { add: outbox }, journal: { add: journal } }
}

function wholeMs(dueMs: number | null): number | null {
  return dueMs === null ? null : Math.ceil(dueMs)
}

/** Leaves out what its outgoing line has no room for. */
export function withinRoom(
  effects: readonly Effect[],
  lineFor: (effect: Effect) => OutgoingLine,
): { readonly effects: readonly Effect[]; readonly givenUp: ReadonlyMap<OutgoingLine, number> } {
  const added = new Map<OutgoingLine, number>()
  const givenUp = new Map<OutgoingLine, number>()
  const within = effects.filter((effect) => {
    const line = lineFor(effect)
    const count = added.get(line) ?? 0
    if (count < line.room) {
      added.set(line, count + 1)
      return true
    }
    givenUp.set(line, (givenUp.get(line) ?? 0) + 1)
    return false
  })
  return { effects: within, givenUp }
}
