/** What the journals keep, as people and programs are shown it: in pages of bounded size. */
import { isUtf8 } from 'node:buffer'
import type { AuditView, DeadLetterView, HappeningView, JournalQuery, Page } from '../ports/control.ts'
import type { JournalEntry, JournalName, Store, StoreOutcome } from '../ports/store.ts'

/** Of a payload so much is shown. */
const payloadExcerptBytes = 1_024
/** Topics, messages and names longer than this are cut. */
const textLength = 1_000
/** Names of rules shown for one dead letter. */
const rulesShown = 50
/** A page ends before its JSON grows longer than this, but not before its first item. */
const pageBytes = 192 * 1024

/** Newest first, at most `limit` of them. `view` gives null for what it does not know. */
export async function journalPage<T extends { readonly seq: number }>(
  store: Store,
  journal: JournalName,
  query: JournalQuery,
  view: (entry: JournalEntry) => T | null,
): Promise<StoreOutcome<Page<T, number>>> {
  // One more than asked for tells whether there is a next page.
  const found = await store.journal(journal, { ...query, limit: query.limit + 1 })
  if (!found.ok) return found
  const shown = found.value.slice(0, query.limit)
  const { count, items } = fitting(shown, view)
  const isLast = count === found.value.length
  return { ok: true, value: { items, next: isLast ? null : (shown[count - 1]?.seq ?? null) } }
}

/** As many of the entries as one page holds, and how many that were, with those that have no view. */
export function fitting<E, T>(
  entries: readonly E[],
  view: (entry: E) => T | null,
): { readonly count: number; readonly items: readonly T[] } {
  const items: T[] = []
  let sizeBytes = 0
  for (const [index, entry] of entries.entries()) {
    const item = view(entry)
    if (item === null) continue
    sizeBytes += Buffer.byteLength(JSON.stringify(item))
    if (sizeBytes > pageBytes && items.length > 0) return { count: index, items }
    items.push(item)
  }
  return { count: entries.length, items }
}

/** `offsetMs`: from the steady time of the engine to the wall clock. */
export function deadLetterView({ seq, subject, atMs, data }: JournalEntry, offsetMs: number): DeadLetterView {
  const { broker, reason, message, rules, payload, sizeBytes } = fields(data)
  const bytes = payload instanceof Uint8Array ? payload : new Uint8Array(0)
  return {
    seq,
    at: isoTime(atMs + offsetMs),
    broker: text(broker),
    topic: cut(subject),
    reason: text(reason),
    message: text(message),
    rules: Array.isArray(rules) ? rules.slice(0, rulesShown).map(text) : [],
    size_bytes: typeof sizeBytes === 'number' ? sizeBytes : bytes.length,
    ...payloadExcerpt(bytes),
  }
}

export function auditView({ seq, subject, atMs, data }: JournalEntry): AuditView {
  const { what, ...happened } = fields(data)
  if (typeof what === 'string')
    return { seq, at: isoTime(atMs), subject: cut(subject), what, data: plainFields(happened) }
  const { key, episode, from, to, because } = happened
  const parts = Object.entries(fields(key)).map(([name, value]) => [name, text(value)] as const)
  return {
    seq,
    at: isoTime(atMs),
    rule: subject,
    key: Object.fromEntries(parts),
    episode: typeof episode === 'number' ? episode : 0,
    from: text(from),
    to: text(to),
    because: typeof because === 'string' ? because : null,
  }
}

function plainFields(data: Readonly<Record<string, unknown>>): HappeningView['data'] {
  const plain = Object.entries(data).map(([name, value]) => {
    const isPlain = value === null || typeof value === 'number' || typeof value === 'boolean'
    return [name, isPlain ? value : text(value)] as const
  })
  return Object.fromEntries(plain)
}

/** ISO 8601 in UTC; a moment that no calendar has is the epoch. */
export function isoTime(atMs: number): string {
  const date = new Date(atMs)
  return Number.isNaN(date.getTime()) ? new Date(0).toISOString() : date.toISOString()
}

function payloadExcerpt(bytes: Uint8Array): Pick<DeadLetterView, 'payload' | 'encoding'> {
  const excerpt = Buffer.from(bytes.subarray(0, payloadExcerptBytes))
  // The cut may go through the last character: up to three bytes of it are left over.
  const lengths = bytes.length > excerpt.length ? [0, 1, 2, 3] : [0]
  for (const less of lengths) {
    const whole = excerpt.subarray(0, Math.max(0, excerpt.length - less))
    if (isUtf8(whole)) return { payload: whole.toString(), encoding: 'utf-8' }
  }
  return { payload: excerpt.toString('base64'), encoding: 'base64' }
}

export function fields(data: unknown): Record<string, unknown> {
  return typeof data === 'object' && data !== null ? { ...data } : {}
}

export function text(value: unknown): string {
  return cut(typeof value === 'string' ? value : String(value ?? ''))
}

function cut(long: string): string {
  return long.length > textLength ? `${long.slice(0, textLength)}…` : long
}
