/** What a step found and decided, gathered while it runs. Plain data; who reads it decides what to do. */
import type { Effect } from './effect.ts'
import type { Phase, Verdict } from './rules/rule-state.ts'

/** A change of phase of one key of one rule. */
export interface Transition {
  readonly rule: string
  readonly key: Readonly<Record<string, string>>
  readonly episode: number
  readonly from: Phase
  readonly to: Phase
  /** Wall clock, ms since the epoch. */
  readonly atMs: number
  /** Why, when it was not the condition: the key was forgotten, the rule removed. */
  readonly because?: 'forgotten' | 'rule_removed'
}

/** What a rule made of an event. Gathered only when somebody watches. */
export interface Decision {
  readonly rule: string
  readonly verdict: Verdict | 'skipped'
  /** Why it was skipped, in words. */
  readonly because?: string
  /** It acts on every true message, and did: rules with a state act when they change phase. */
  readonly acts?: boolean
}

/** Something that was not done, counted under its kind. */
export interface Notice {
  readonly kind:
    | 'action-cancelled'
    | 'key-missing'
    | 'key-too-long'
    | 'max-keys'
    | 'window-full'
    | 'list-full'
    | 'duration-missing'
    | 'throttled'
    | 'rule-failed'
  readonly rule: string
  readonly message: string
}

/** A message that could not be understood: it is kept aside, counted and acknowledged. */
export interface DeadLetter {
  readonly broker: string
  readonly topic: string
  readonly payload: Uint8Array
  readonly reason: string
  readonly message: string
  readonly rules: readonly string[]
  readonly atMs: number
}

export class Outcome {
  readonly effects: Effect[] = []
  readonly transitions: Transition[] = []
  readonly notices: Notice[] = []
  readonly deadLetters: DeadLetter[] = []
  /** Null when nobody watches. */
  readonly decisions: Decision[] | null

  constructor(watched: boolean) {
    this.decisions = watched ? [] : null
  }

  /** How much has been gathered, to go back to. */
  mark(): readonly [effects: number, transitions: number] {
    return [this.effects.length, this.transitions.length]
  }

  rollback([effects, transitions]: readonly [number, number]): void {
    this.effects.length = effects
    this.transitions.length = transitions
  }
}
