/** Randomness of a simulation: a stream of numbers that depends on a seed alone. */
import { randomAt } from '../../src/tools/simulate/random.ts'

export class Random {
  readonly #seed: number
  readonly #stream: number
  #count = 0

  /** Streams of one seed do not disturb each other: what one part draws leaves the others as they were. */
  constructor(seed: number, stream: number) {
    this.#seed = seed
    this.#stream = stream
  }

  /** From 0 up to, but not including, 1. */
  next(): number {
    return randomAt(this.#seed, this.#stream, this.#count++)
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<T>(from: readonly T[]): T {
    const found = from[Math.floor(this.next() * from.length)]
    if (found === undefined) throw new Error('nothing to pick from')
    return found
  }
}
