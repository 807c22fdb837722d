/** When each rule last came to a verdict on a message, and when it last could not: two numbers for each rule, no more. */

export class VerdictTally {
  /** By the rule's order: steady ms of the latest verdict; 0: there was none since this tally began. */
  readonly knownMs: Float64Array
  /** The same for messages that left the rule undecided. */
  readonly unknownMs: Float64Array

  constructor(rules: readonly { readonly order: number }[]) {
    const size = rules.reduce((most, { order }) => Math.max(most, order + 1), 0)
    this.knownMs = new Float64Array(size)
    this.unknownMs = new Float64Array(size)
  }

  note(order: number, isKnown: boolean, nowMs: number): void {
    const times = isKnown ? this.knownMs : this.unknownMs
    times[order] = nowMs
  }
}
