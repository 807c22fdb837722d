/** The latest messages of joined topics: kept per source and join key, read by rules through `with`. */
import { jsonText } from '../json-text.ts'
import type { LinkSliceData } from '../link.ts'
import type { Message } from '../message.ts'
import { sliceId } from '../state.ts'
import type { StepContext } from '../step-context.ts'
import type { JoinSource, WithPlan } from './compiled-rule.ts'
import type { Scope } from './scope.ts'

/** A list holds at most so many items; others are left out and counted. */
export const listItemLimit = 1_000
/** Payloads of a list have at most so many bytes together: all of it is written anew with every message. */
export const listLimitBytes = 4 * 1_048_576

/**
 * A join key that nothing has fed for so long is dropped. Long, because a door that stays shut for months says
 * nothing and is still shut: what is too old for a rule is said with `max_age`.
 */
const joinIdleMs = 400 * 24 * 3_600_000

/** One source remembers at most so many join keys. */
export const joinKeyLimit = 100_000

interface JoinItem {
  readonly payload: unknown
  readonly topic: string
  readonly atMs: number
  readonly captures: readonly string[]
  /** The link session in which it came live; 0 when it was replayed. */
  readonly session: number
  /** Of the payload as it came. */
  readonly sizeBytes?: number
}

interface JoinSliceData {
  /** Item key → the latest message; a single value stands under the empty key. */
  readonly items: Readonly<Record<string, JoinItem>>
}

type TopicPlan = Extract<WithPlan, { kind: 'topic' }>

export function joinSliceId(source: JoinSource, shared: readonly string[]): string {
  return sliceId('join', source.id, ...shared)
}

/** The slice that a message on the source's topic updates. `captures` are those of the source's own filter. */
export function joinSliceOf(source: JoinSource, captures: readonly string[]): string {
  return joinSliceId(
    source,
    source.shared.map((index) => captures[index] ?? ''),
  )
}

/** The slice that a rule with these captures looks at. */
export function joinSliceFor(plan: TopicPlan, captures: readonly string[]): string {
  return joinSliceId(
    plan.source,
    plan.captures.map((index) => captures[index] ?? ''),
  )
}

export function joinCountSliceId(source: JoinSource): string {
  return sliceId('keys', 'join', source.id)
}

/** Takes a message in; an empty payload says that there is no value any more. */
export function updateJoin(
  source: JoinSource,
  captures: readonly string[],
  message: Message,
  payload: unknown,
  link: LinkSliceData,
  context: StepContext,
): void {
  const { draft, nowMs } = context
  const id = joinSliceOf(source, captures)
  const before = draft.read(id)
  const items = (before?.data as JoinSliceData | undefined)?.items ?? {}
  const own = source.items.map(({ index }) => captures[index] ?? '')
  const itemKey = sliceId(...own)
  const removeItem = () => {
    if (!Object.hasOwn(items, itemKey)) return
    const { [itemKey]: _gone, ...rest } = items
    if (Object.keys(rest).length > 0) draft.write(id, { items: rest }, nowMs + joinIdleMs)
    else removeJoin(source, id, context)
  }
  if (payload === undefined) {
    removeItem()
    return
  }
  if (before === undefined && !countKey(source, 1, context)) {
    full(context, source, `remembers ${joinKeyLimit} keys already; a new one was left out`)
    return
  }
  if (!Object.hasOwn(items, itemKey) && Object.keys(items).length >= listItemLimit) {
    full(context, source, `lists ${listItemLimit} items already; a new one was left out`)
    return
  }
  const known = Object.hasOwn(items, itemKey) ? items[itemKey] : undefined
  if (message.retain && known !== undefined) {
    // A replay is older than what came live in this session, and it makes what is known no younger.
    if (known.session === link.session) return
    if (known.topic === message.topic && jsonText(known.payload) === jsonText(payload)) return
  }
  const sizeBytes = message.payload.length
  if (source.items.length > 0 && sizeOfOthers(items, itemKey) + sizeBytes > listLimitBytes) {
    full(context, source, `lists ${listLimitBytes / 1_048_576} MiB already; ${message.topic} was left out`)
    // What is known of it is no longer so.
    removeItem()
    return
  }
  const session = message.retain ? 0 : link.session
  const item: JoinItem = { payload, topic: message.topic, atMs: nowMs, captures: own, session, sizeBytes }
  draft.write(
    id,
    { items: source.items.length === 0 ? { '': item } : { ...items, [itemKey]: item } },
    nowMs + joinIdleMs,
  )
}

function sizeOfOthers(items: JoinSliceData['items'], but: string): number {
  let sizeBytes = 0
  for (const [key, item] of Object.entries(items)) if (key !== but) sizeBytes += item.sizeBytes ?? 0
  return sizeBytes
}

/** Forgets a join key that nothing has fed for long. */
export function removeJoin(source: JoinSource, id: string, context: StepContext): void {
  context.draft.remove(id)
  countKey(source, -1, context)
}

/** The joined value: `{ payload, topic, age }`, a list of such with their captures, or undefined when missing. */
export function readJoin(plan: TopicPlan, scope: Scope, context: StepContext): unknown {
  const data = context.draft.read(joinSliceFor(plan, scope.captures))?.data as JoinSliceData | undefined
  const items = Object.values(data?.items ?? {}).filter(
    (item) => plan.maxAgeMs === null || context.nowMs - item.atMs <= plan.maxAgeMs,
  )
  const shown = (item: JoinItem) => ({
    payload: item.payload,
    topic: item.topic,
    age: context.nowMs - item.atMs,
  })
  if (plan.source.items.length === 0) {
    const only = items[0]
    return only === undefined ? undefined : shown(only)
  }
  return items.map((item) => {
    const named = plan.source.items.map(({ name }, index) => [name, item.captures[index] ?? ''] as const)
    return { ...Object.fromEntries(named), ...shown(item) }
  })
}

function countKey(source: JoinSource, by: 1 | -1, context: StepContext): boolean {
  const id = joinCountSliceId(source)
  const count = (context.draft.read(id)?.data as { count: number } | undefined)?.count ?? 0
  if (count + by > joinKeyLimit) return false
  context.draft.write(id, { count: Math.max(0, count + by) })
  return true
}

function full(context: StepContext, source: JoinSource, message: string): void {
  context.outcome.notices.push({ kind: 'list-full', rule: source.filter.source, message })
}
