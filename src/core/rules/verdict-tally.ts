/**
 * How many messages came for each rule, when it last came to a verdict on one, and when it last could not: three
 * numbers for each rule, no more.
 */

export class VerdictTally {
  /** By the rule's order: steady ms of the latest verdict; 0: there was none since this tally began. */
  readonly knownMs: Float64Array
  /** The same for messages that left the rule undecided. */
  readonly unknownMs: Float64Array
  /** Messages on its topics, whatever became of them. */
  readonly heard: Float64Array

  constructor(rules: readonly { readonly order: number }[]) {
    const size = rules.reduce((most, { order }) => Math.max(most, order + 1), 0)
    this.knownMs = new Float64Array(size)
    this.unknownMs = new Float64Array(size)
    this.heard = new Float64Array(size)
  }

  hear(order: number): void {
    this.heard[order] = (this.heard[order] ?? 0) + 1
  }

  note(order: number, isKnown: boolean, nowMs: number): void {
    const times = isKnown ? this.knownMs : this.unknownMs
    times[order] = nowMs
  }
}
