/**
 * Rules that could not decide on any message for a day. One small entry for each rule that is undecided just now; a rule
 * that decides on some of its keys is not among them.
 */
import type { CompiledRule } from '../../core/rules/compiled-rule.ts'
import type { VerdictTally } from '../../core/rules/verdict-tally.ts'

interface Undecided {
  /** Changes when the condition is edited: then it begins anew. */
  readonly shape: number
  /** The first and the latest message that left it undecided, steady ms. */
  readonly sinceMs: number
  readonly lastMs: number
}

/** What is kept in the store, so that a restart does not begin the day anew. */
export type KeptUndecided = Readonly<Record<string, { readonly shape: number; readonly sinceMs: number }>>

type Rule = Pick<CompiledRule, 'id' | 'order' | 'shape'>

export const undecidedMs = 24 * 3_600_000
/** Only who has been undecided for so long is kept: most rules are so for a moment. */
const keptAfterMs = 3_600_000

export class UnknownRules {
  readonly #undecided = new Map<string, Undecided>()

  restore(kept: KeptUndecided): void {
    for (const [id, { shape, sinceMs }] of Object.entries(kept))
      this.#undecided.set(id, { shape, sinceMs, lastMs: sinceMs })
  }

  /** Takes up what the rules did since the last time. */
  look(rules: readonly Rule[], tally: VerdictTally): void {
    const present = new Set<string>()
    for (const { id, order, shape } of rules) {
      const knownMs = tally.knownMs[order] ?? 0
      const unknownMs = tally.unknownMs[order] ?? 0
      const before = this.#undecided.get(id)
      const goesOn = before !== undefined && before.shape === shape && knownMs < before.sinceMs
      if (unknownMs > knownMs) {
        const sinceMs = goesOn ? before.sinceMs : unknownMs
        this.#undecided.set(id, { shape, sinceMs, lastMs: unknownMs })
        present.add(id)
      } else if (goesOn && knownMs === 0) present.add(id)
    }
    for (const id of this.#undecided.keys()) if (!present.has(id)) this.#undecided.delete(id)
  }

  /** `forLong`: a day and more lies between the first and the latest undecided message. */
  list(): readonly { readonly id: string; readonly forLong: boolean }[] {
    return [...this.#undecided].map(([id, { sinceMs, lastMs }]) => {
      return { id, forLong: lastMs - sinceMs >= undecidedMs }
    })
  }

  kept(nowMs: number): KeptUndecided {
    const long = [...this.#undecided].filter(([, { sinceMs }]) => nowMs - sinceMs >= keptAfterMs)
    return Object.fromEntries(long.map(([id, { shape, sinceMs }]) => [id, { shape, sinceMs }]))
  }
}
