/** A dead letter as it is kept in its journal. */
import type { DeadLetter } from '../core/outcome.ts'
import type { JournalEntry } from '../ports/store.ts'

/** Of the payload so much is kept; its size is told in full. */
const payloadBytes = 65_536

export function deadLetterEntry(letter: DeadLetter): Omit<JournalEntry, 'seq'> {
  // The payload is a view of what was read from the socket; what is kept for long is a copy.
  const payload = new Uint8Array(letter.payload.subarray(0, payloadBytes))
  return {
    journal: 'dead-letter',
    subject: letter.topic,
    atMs: letter.atMs,
    data: { ...letter, payload, sizeBytes: letter.payload.length },
  }
}
