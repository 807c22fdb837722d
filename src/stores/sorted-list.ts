/** A sorted list of a million items with cheap insertion and removal: blocks of sorted arrays. */

/** Small enough that moving half a block costs less than finding the place in it. */
const blockLimit = 512

export class SortedList<T> {
  readonly #blocks: T[][] = []
  readonly #compare: (a: T, b: T) => number

  /** `compare` must tell all items of the list apart. */
  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare
  }

  get first(): T | undefined {
    return this.#blocks[0]?.[0]
  }

  /** The item must not be in the list. */
  add(item: T): void {
    const end = this.#blocks.at(-1)
    if (end === undefined || this.#compare(end[end.length - 1]!, item) < 0) {
      // Items that come in order fill their blocks.
      if (end === undefined || end.length >= blockLimit) this.#blocks.push([item])
      else end.push(item)
      return
    }
    let at = this.#blockOf(item)
    let block = this.#blocks[at]!
    if (block.length >= blockLimit) {
      this.#blocks.splice(at + 1, 0, block.splice(blockLimit / 2))
      at = this.#blockOf(item)
      block = this.#blocks[at]!
    }
    block.splice(this.#placeIn(block, item), 0, item)
  }

  /** Whether it was there. */
  remove(item: T): boolean {
    const at = this.#blockOf(item)
    const block = this.#blocks[at]
    if (block === undefined) return false
    const place = this.#placeIn(block, item)
    if (this.#compare(block[place]!, item) !== 0) return false
    block.splice(place, 1)
    if (block.length === 0) this.#blocks.splice(at, 1)
    return true
  }

  /** Items from `start` on (itself included), in order. The list must not change meanwhile. */
  *from(start: T): Generator<T, void, undefined> {
    let at = this.#blockOf(start)
    const first = this.#blocks[at]
    if (first === undefined) return
    let place = this.#placeIn(first, start)
    for (; at < this.#blocks.length; at += 1) {
      const block = this.#blocks[at]!
      for (; place < block.length; place += 1) yield block[place]!
      place = 0
    }
  }

  /** All items in order. The list must not change meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    for (const block of this.#blocks) yield* block
  }

  /** The first block whose last item is not before `item`; the number of blocks when there is none. */
  #blockOf(item: T): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const block = this.#blocks[middle]!
      if (this.#compare(block[block.length - 1]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #placeIn(block: readonly T[], item: T): number {
    let low = 0
    let high = block.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(block[middle]!, item) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}
