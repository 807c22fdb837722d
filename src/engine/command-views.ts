/** Commands as people and programs are shown them: those that wait, in pages, and those that ended lately. */
import {
  type CommandsData,
  commandsPrefix,
  commandsSliceId,
  type PendingCommand,
} from '../core/commands/command-state.ts'
import type { CommandsPage, FinishedCommandView, PendingCommandView } from '../ports/control.ts'
import type { JournalEntry, Store, StoreOutcome } from '../ports/store.ts'
import { fields, isoTime, text } from './journal-views.ts'

/** Slices are looked at so many at a time. */
const scanPage = 100
/** Entries of the audit trail that are looked through for commands that ended. */
const auditExamined = 500
const finishedShown = 10

/** `offsetMs`: from the steady time of the engine to the wall clock. `after`: the `next` of the page before. */
export async function commandsPage(
  store: Pick<Store, 'scan' | 'journal' | 'load'>,
  { limit, after }: { readonly limit: number; readonly after?: string | undefined },
  offsetMs: number,
): Promise<StoreOutcome<CommandsPage>> {
  const finished = await finishedLately(store)
  if (!finished.ok) return finished
  const items: PendingCommandView[] = []
  const { slice: afterSlice, id: afterId } = cursor(after)
  const take = (data: CommandsData, pending: readonly PendingCommand[]) =>
    items.push(...pending.slice(0, limit + 1 - items.length).map((one) => pendingView(data, one, offsetMs)))
  if (afterSlice !== null) {
    const begun = await store.load([afterSlice])
    if (!begun.ok) return begun
    const data = begun.value.get(afterSlice)?.data as CommandsData | undefined
    // When it has ended meanwhile, the rest of its topic is left out rather than shown twice.
    const at = data?.pending.findIndex(({ id }) => id === afterId) ?? -1
    if (data !== undefined && at >= 0) take(data, data.pending.slice(at + 1))
  }
  for (let last = afterSlice; items.length <= limit; ) {
    const page = await store.scan(commandsPrefix, last, scanPage)
    if (!page.ok) return page
    for (const { data } of page.value) take(data as CommandsData, (data as CommandsData).pending)
    last = page.value.at(-1)?.id ?? null
    if (page.value.length < scanPage) break
  }
  const shown = items.slice(0, limit)
  const final = shown.at(-1)
  const next = items.length > limit && final !== undefined ? nameOf(final) : null
  return { ok: true, value: { items: shown, next, finished: finished.value } }
}

function nameOf({ broker, ack_topic, id }: PendingCommandView): string {
  return `${commandsSliceId(broker, ack_topic)} ${id}`
}

function cursor(after: string | undefined): { readonly slice: string | null; readonly id: string } {
  const end = after?.lastIndexOf(' ') ?? -1
  if (after === undefined || end < 0 || !after.startsWith(commandsPrefix)) return { slice: null, id: '' }
  return { slice: after.slice(0, end), id: after.slice(end + 1) }
}

function pendingView(data: CommandsData, command: PendingCommand, offsetMs: number): PendingCommandView {
  const { id, rule, message, attempt, attempts, sinceMs, untilMs } = command
  return {
    id,
    rule,
    broker: data.broker,
    topic: message.topic,
    ack_topic: data.topic,
    attempt,
    attempts,
    since: isoTime(sinceMs + offsetMs),
    due: isoTime(untilMs + offsetMs),
  }
}

async function finishedLately(store: Pick<Store, 'journal'>): Promise<StoreOutcome<FinishedCommandView[]>> {
  const found = await store.journal('audit', { limit: auditExamined })
  if (!found.ok) return found
  return {
    ok: true,
    value: found.value.flatMap((entry) => finishedView(entry) ?? []).slice(0, finishedShown),
  }
}

const ends = ['acknowledged', 'timed-out'] as const

function finishedView({ subject, atMs, data }: JournalEntry): FinishedCommandView | null {
  const { what, rule, topic, attempt, attempts, after_ms } = fields(data)
  const end = ends.find((one) => one === what)
  if (!subject.startsWith('command/') || end === undefined) return null
  const sent = attempt ?? attempts
  return {
    id: subject.slice('command/'.length),
    at: isoTime(atMs),
    end,
    rule: text(rule),
    topic: text(topic),
    attempts: typeof sent === 'number' ? sent : 0,
    after_ms: typeof after_ms === 'number' ? after_ms : 0,
  }
}
