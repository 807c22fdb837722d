/**
 * A bounded cache keyed by topic, in two generations: what is used is moved to the young one, and when that is
 * full the old one is dropped whole. So eviction costs nothing per entry, and what is in use survives it.
 */

export interface TopicCacheLimits {
  readonly entries: number
  /** Text of topics and what is kept for them, as estimated by `put`. */
  readonly sizeBytes: number
}

/** About 32 MB when full, which takes some 100,000 topics in use. */
const defaultTopicCacheLimits: TopicCacheLimits = { entries: 100_000, sizeBytes: 33_554_432 }

/** What Map, string header and value take for each entry, beside what `put` is told; measured roughly. */
const overheadBytes = 100

export interface TopicCacheCounters {
  readonly hits: number
  readonly misses: number
  /** Entries dropped to stay within the limits. */
  readonly evictions: number
  /** Results never kept since one alone would take half the cache. */
  readonly oversized: number
  readonly entries: number
  readonly sizeBytes: number
}

interface Kept<V> {
  readonly value: V
  readonly sizeBytes: number
}

export class TopicCache<V> {
  readonly #generationEntries: number
  readonly #generationBytes: number
  #young = new Map<string, Kept<V>>()
  #old = new Map<string, Kept<V>>()
  #youngBytes = 0
  #oldBytes = 0
  #hits = 0
  #misses = 0
  #evictions = 0
  #oversized = 0

  constructor(limits: TopicCacheLimits = defaultTopicCacheLimits) {
    this.#generationEntries = Math.floor(limits.entries / 2)
    this.#generationBytes = Math.floor(limits.sizeBytes / 2)
  }

  get(topic: string): V | undefined {
    const young = this.#young.get(topic)
    if (young !== undefined) {
      this.#hits++
      return young.value
    }
    const old = this.#old.get(topic)
    if (old === undefined) {
      this.#misses++
      return undefined
    }
    this.#hits++
    this.#old.delete(topic)
    this.#oldBytes -= old.sizeBytes
    this.#keep(topic, old)
    return old.value
  }

  /** Keeps the value of a topic that is not in the cache; `valueBytes` is its estimated size. */
  put(topic: string, value: V, valueBytes: number): void {
    const sizeBytes = overheadBytes + 2 * topic.length + valueBytes
    if (this.#generationEntries === 0 || sizeBytes > this.#generationBytes) {
      this.#oversized++
      return
    }
    this.#keep(topic, { value, sizeBytes })
  }

  get counters(): TopicCacheCounters {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      oversized: this.#oversized,
      entries: this.#young.size + this.#old.size,
      sizeBytes: this.#youngBytes + this.#oldBytes,
    }
  }

  #keep(topic: string, kept: Kept<V>): void {
    const full = this.#young.size >= this.#generationEntries
    if (full || this.#youngBytes + kept.sizeBytes > this.#generationBytes) {
      this.#evictions += this.#old.size
      this.#old = this.#young
      this.#oldBytes = this.#youngBytes
      this.#young = new Map()
      this.#youngBytes = 0
    }
    this.#young.set(topic, kept)
    this.#youngBytes += kept.sizeBytes
  }
}
