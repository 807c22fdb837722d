/** Finds, for a topic, the values of all filters that match it, and what their captures stand for. */
import type { Filter } from './filter.ts'
import { FilterTrie, type Found } from './filter-trie.ts'
import { TopicCache, type TopicCacheCounters, type TopicCacheLimits } from './topic-cache.ts'

/**
 * The first level of Tocsin's own topics (status, alerts, requests). Filters that begin with a wildcard do not
 * match them, as with $ topics, so that a rule on # never feeds on what it causes.
 */
export const ownFirstLevel = 'tocsin'

/** `captures` are in the order of the filter's captures; # holds its levels joined with /. */
export interface Match<T> {
  readonly value: T
  readonly captures: readonly string[]
}

/** Estimates for the cache's limit: a Match object with its array, and a captured string. */
const matchBytes = 64
const captureBytes = 40

const nothing: readonly never[] = []

/** Immutable once built. What `match` costs for a topic seen before does not depend on the number of filters. */
export class Matcher<T> {
  readonly #trie = new FilterTrie(ownFirstLevel)
  readonly #filters: Filter[] = []
  readonly #values: T[] = []
  readonly #cache: TopicCache<readonly Match<T>[]>

  constructor(entries: Iterable<{ readonly filter: Filter; readonly value: T }>, limits?: TopicCacheLimits) {
    this.#cache = new TopicCache(limits)
    for (const { filter, value } of entries) {
      this.#trie.add(filter, this.#filters.length)
      this.#filters.push(filter)
      this.#values.push(value)
    }
  }

  /** In the order in which the filters were given. The result is shared with later calls. */
  match(topic: string): readonly Match<T>[] {
    const known = this.#cache.get(topic)
    if (known !== undefined) return known
    const found = this.#trie.find(topic)
    let sizeBytes = 0
    const matches =
      found.numbers.length === 0
        ? nothing
        : found.numbers.map((number) => {
            const captures = capture(this.#filters[number]!, topic, found)
            sizeBytes += matchBytes + captures.length * captureBytes
            return { value: this.#values[number]!, captures }
          })
    this.#cache.put(topic, matches, sizeBytes)
    return matches
  }

  /** How many filters there are. */
  get size(): number {
    return this.#filters.length
  }

  get cacheCounters(): TopicCacheCounters {
    return this.#cache.counters
  }
}

function capture(filter: Filter, topic: string, { levels, starts }: Found): readonly string[] {
  if (filter.captures.length === 0) return nothing
  return filter.captures.map(({ kind, level }) => {
    if (kind === '+') return levels[level]!
    const start = starts[level]
    return start === undefined ? '' : topic.slice(start)
  })
}
