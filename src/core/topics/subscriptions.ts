/**
 * Plans what to subscribe at a broker so that every wanted message arrives and is counted once, although filters
 * overlap and a broker may send one copy for each subscription that matches [MQTT-3.3.4-2].
 *
 * What another filter contains is dropped. Where filters still overlap, MQTT 5 gets subscription identifiers, and
 * only the copy that carries the first identifier matching the topic counts; MQTT 3.1.1 has none, so there
 * overlapping filters are replaced by their join until no two overlap.
 */

import { type Filter, parsePlainFilter } from './filter.ts'
import { overlapClusters, type WantedShape, withoutContained } from './filter-groups.ts'
import { FilterTrie } from './filter-trie.ts'
import { joinShapes } from './relations.ts'
import { levelsOfShape, shapeOf } from './shape.ts'
import { TopicCache } from './topic-cache.ts'

/** [MQTT-3.8.2.1.2]: a variable byte integer, not 0. */
export const subscriptionIdLimit = 268_435_455

export interface SubscriptionWant {
  /** A string is a plain filter; a bad one is an error of programming and throws. */
  readonly filter: Filter | string
  readonly qos: 0 | 1
}

export interface PlannedSubscription {
  readonly filter: string
  readonly qos: 0 | 1
  /** MQTT 5 subscription identifier; only where filters overlap. */
  readonly id?: number
}

/** The part of a plan that is plain data: what the next plan must know to leave running subscriptions alone. */
export interface SubscriptionRecord {
  /** In the order in which they claim a message: see `acceptor`. */
  readonly subscriptions: readonly PlannedSubscription[]
  /** No message in any queue can carry this identifier or, until they wrap around, a greater one. */
  readonly nextId: number
}

export interface SubscriptionPlan extends SubscriptionRecord {
  accepts(topic: string, ids: readonly number[] | null): boolean
}

/**
 * `previous` is the plan that the broker's session holds now, if any. Filters it has keep their identifiers, and
 * claim messages before new ones of the same QoS: a message that was queued before the new filters were subscribed
 * has no copy that carries theirs. Identifiers are not used again for other filters, so none is misread.
 * Plan for version 4 also where an MQTT 5 broker says that identifiers are not available [MQTT-3.2.2-3.12].
 */
export function planSubscriptions(
  wants: readonly SubscriptionWant[],
  protocolVersion: 4 | 5,
  previous?: SubscriptionRecord,
): SubscriptionPlan {
  let wanted = withoutContained(wants.map(({ filter, qos }) => ({ shape: shapeOf(parsed(filter)), qos })))
  let overlapping: ReadonlySet<WantedShape> = new Set()
  if (protocolVersion === 4) wanted = joinOverlaps(wanted)
  else
    overlapping = new Set(
      overlapClusters(wanted)
        .filter((cluster) => cluster.length > 1)
        .flat(),
    )

  const before = new Map(previous?.subscriptions.map((entry, order) => [entry.filter, { ...entry, order }]))
  const ranked = wanted
    .map((entry) => {
      const filter = levelsOfShape(entry.shape).join('/')
      return { filter, qos: entry.qos, overlaps: overlapping.has(entry), kept: before.get(filter) }
    })
    .sort((a, b) => b.qos - a.qos || (a.kept?.order ?? Infinity) - (b.kept?.order ?? Infinity) || 0)

  let nextId = previous?.nextId ?? 1
  const taken = new Set(ranked.flatMap(({ kept }) => kept?.id ?? []))
  const subscriptions = ranked.map(({ filter, qos, overlaps, kept }): PlannedSubscription => {
    if (protocolVersion === 4) return { filter, qos }
    // An identifier that is no longer needed does no harm; to drop it would mean to subscribe again.
    if (kept?.id !== undefined) return { filter, qos, id: kept.id }
    if (!overlaps) return { filter, qos }
    while (taken.has(nextId)) nextId = idAfter(nextId)
    const id = nextId
    nextId = idAfter(nextId)
    return { filter, qos, id }
  })
  return { subscriptions, nextId, accepts: acceptor(subscriptions) }
}

/**
 * Tells whether a copy of a message counts: the one whose identifiers include that of the first subscription, in
 * the order given, that has one and matches the topic. In doubt it does: without identifiers (nothing overlaps,
 * or the broker lacks them), or with one that is not among the subscriptions' (queued for an earlier plan), since
 * a message twice is better than none.
 *
 * Use it with other lists than a whole plan too: with those the broker granted when it refused some; and for
 * retained messages that are sent on subscribing, with those just subscribed, since only they send them.
 */
export function acceptor(
  subscriptions: readonly PlannedSubscription[],
): (topic: string, ids: readonly number[] | null) => boolean {
  const trie = new FilterTrie(null)
  const ids: number[] = []
  for (const { filter, id } of subscriptions) {
    if (id === undefined) continue
    trie.add(parsed(filter), ids.length)
    ids.push(id)
  }
  if (ids.length === 0) return () => true

  const known = new Set(ids)
  const firstIds = new TopicCache<number>()
  const noId = 0
  return (topic, carried) => {
    if (carried === null || carried.length === 0) return true
    let first = firstIds.get(topic)
    if (first === undefined) {
      const number = trie.find(topic).numbers[0]
      first = number === undefined ? noId : ids[number]!
      firstIds.put(topic, first, 0)
    }
    return first === noId || carried.includes(first) || carried.some((id) => !known.has(id))
  }
}

export interface SubscriptionChanges {
  /** `fresh` ones the broker does not have yet: only for these ask for retained messages. */
  readonly subscribe: readonly (PlannedSubscription & { readonly fresh: boolean })[]
  readonly unsubscribe: readonly string[]
}

/** What leads from one plan to another. Subscribe first, unsubscribe last, and nothing is missed between. */
export function changes(from: SubscriptionRecord, to: SubscriptionRecord): SubscriptionChanges {
  const before = new Map(from.subscriptions.map((entry) => [entry.filter, entry]))
  const after = new Set(to.subscriptions.map(({ filter }) => filter))
  return {
    subscribe: to.subscriptions.flatMap((entry) => {
      const old = before.get(entry.filter)
      if (old !== undefined && old.qos === entry.qos && old.id === entry.id) return []
      return [{ ...entry, fresh: old === undefined }]
    }),
    unsubscribe: from.subscriptions.map(({ filter }) => filter).filter((filter) => !after.has(filter)),
  }
}

/**
 * Only a filter that was made in one round can overlap another in the next, and it is wider than those it was made
 * of. A filter can be widened once per level and once to #, so the longest filter bounds the rounds.
 */
function joinOverlaps(wanted: readonly WantedShape[]): WantedShape[] {
  let joined = [...wanted]
  for (;;) {
    const clusters = overlapClusters(joined)
    if (clusters.length === joined.length) return joined
    joined = clusters.map((cluster) => cluster.reduce(joinTwo))
  }
}

function joinTwo(a: WantedShape, b: WantedShape): WantedShape {
  const shape = joinShapes(a.shape, b.shape)
  if (shape === null) throw new Error('Filters of one cluster overlap, so they have a join')
  return { shape, qos: a.qos === 1 ? a.qos : b.qos }
}

function parsed(filter: Filter | string): Filter {
  if (typeof filter !== 'string') return filter
  const result = parsePlainFilter(filter)
  if (!result.ok) throw new TypeError(result.problems[0]?.message ?? 'Bad filter')
  return result.value
}

function idAfter(id: number): number {
  return id >= subscriptionIdLimit ? 1 : id + 1
}
