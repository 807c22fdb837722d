/** What a step found and decided, gathered while it runs. Plain data; who reads it decides what to do. */
import type { Answer, AuditEntry, Deliver, Recheck } from './alerts/events.ts'
import type { Effect } from './effect.ts'
import type { Event } from './event.ts'
import type { Refusal } from './rules/compiled-rule.ts'
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
    | 'looped'
    | 'too-many-hops'
    | 'rule-failed'
    | 'alert-failed'
    | 'notification-held-back'
    | 'command-full'
    | 'ack-unknown'
    | 'request-refused'
    | 'request-unanswerable'
    | 'request-answered-already'
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

/** How much has been gathered, to go back to. */
export type OutcomeMark = readonly number[]

export class Outcome {
  readonly effects: Effect[] = []
  readonly transitions: Transition[] = []
  readonly notices: Notice[] = []
  readonly deadLetters: DeadLetter[] = []
  /** Events that follow from this one at once: stepped in their order, after it, in the same commit. */
  readonly followUps: Event[] = []
  /** Attempts to be made once the commit is done. */
  readonly deliveries: Deliver[] = []
  readonly rechecks: Recheck[] = []
  readonly answers: Answer[] = []
  /** Why rules did not answer the request that the message is. */
  readonly refusals: Refusal[] = []
  readonly audit: AuditEntry[] = []
  /** Null when nobody watches. */
  readonly decisions: Decision[] | null

  /** Whether rules are to say what becomes of their alerts. */
  readonly followsAlerts: boolean

  constructor(watched: boolean, followsAlerts = false) {
    this.decisions = watched ? [] : null
    this.followsAlerts = followsAlerts
  }

  /** Whether there is nothing to do and nothing to tell. */
  get isEmpty(): boolean {
    return (
      this.decisions === null &&
      this.effects.length === 0 &&
      this.notices.length === 0 &&
      this.transitions.length === 0 &&
      this.deadLetters.length === 0 &&
      this.followUps.length === 0 &&
      this.deliveries.length === 0 &&
      this.rechecks.length === 0 &&
      this.answers.length === 0 &&
      this.audit.length === 0
    )
  }

  /** Whether a request is answered. */
  get isAnswered(): boolean {
    return this.effects.some(isAnswer)
  }

  /** Whether the answer to a request is all that there is to do. */
  get onlyAnswers(): boolean {
    return this.effects.length > 0 && this.effects.every(isAnswer)
  }

  /** How much has been gathered, to go back to. */
  mark(): OutcomeMark {
    const { effects, transitions, followUps, deliveries, rechecks, answers, audit } = this
    return [effects, transitions, followUps, deliveries, rechecks, answers, audit].map((list) => list.length)
  }

  rollback(mark: OutcomeMark): void {
    const { effects, transitions, followUps, deliveries, rechecks, answers, audit } = this
    const lists = [effects, transitions, followUps, deliveries, rechecks, answers, audit]
    for (const [index, list] of lists.entries()) list.length = mark[index] ?? 0
  }
}

function isAnswer(effect: Effect): boolean {
  return effect.kind === 'publish' && effect.via?.kind === 'respond'
}
