/** Finds commits that no store can take: errors of the program, told before anything changes. */
import type { Commit } from '../ports/store.ts'

/** Throws a TypeError for a slice that occurs twice or has no id, and for a time that is not in whole ms. */
export function checkCommit({ slices = {}, outbox = {}, journal = {} }: Commit): void {
  const seen = new Set<string>()
  for (const { id } of [...(slices.put ?? []), ...(slices.remove ?? [])]) {
    if (id === '') throw new TypeError('A slice has no id')
    if (seen.has(id)) throw new TypeError(`Slice ${id} occurs twice in one commit`)
    seen.add(id)
  }
  for (const { id, dueMs } of slices.put ?? []) if (dueMs !== null) checkTime(dueMs, id)
  for (const { line, atMs } of outbox.add ?? []) checkTime(atMs, line)
  for (const { subject, atMs } of journal.add ?? []) checkTime(atMs, subject)
}

function checkTime(timeMs: number, of: string): void {
  if (!Number.isSafeInteger(timeMs)) {
    throw new TypeError(`The time of ${of} is ${timeMs}, which is no whole number of milliseconds`)
  }
}
