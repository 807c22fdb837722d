/** What a rule remembers about one key, and when it has to be looked at again. */
import type { MessageProperties } from '../message.ts'
import type { Samples } from './window.ts'

/**
 * inactive → pending (`for` holds) → firing → clearing (`clear.for` holds) → inactive.
 * Rules that act on every message stay inactive.
 */
export type Phase = 'inactive' | 'pending' | 'firing' | 'clearing'

export type Verdict = 'true' | 'false' | 'unknown'

/** The last live message, kept while a timer may need it for its texts. */
export interface StoredMessage {
  readonly topic: string
  readonly payload?: unknown
  readonly value?: unknown
  readonly qos: 0 | 1
  readonly retain: boolean
  readonly properties: MessageProperties | null
  readonly receivedAt: number
  /** What `prev` was when it came. */
  readonly prev?: PreviousMessage
}

export interface PreviousMessage {
  readonly payload?: unknown
  readonly value?: unknown
  readonly atMs: number
}

export interface RuleState {
  /** The rule's shape when this was written: a hold or window of another shape starts anew. */
  readonly shape: number
  readonly key: readonly string[]
  /** Absent when the key is the captures. */
  readonly captures?: readonly string[]
  readonly phase: Phase
  /** Since when it is in this phase, steady ms. */
  readonly sinceMs: number
  /** When the hold ends, steady ms; absent when nothing is held or the end waits for a known verdict. */
  readonly untilMs?: number
  readonly verdict: Verdict
  /** Counts openings. */
  readonly episode: number
  /** The link session of the latest live message; 0 for none. */
  readonly session: number
  /** When a message last came, steady ms, to within `touchEveryMs`; idle keys are forgotten by it. */
  readonly touchedMs: number
  /** The latest live message on the link's hearing clock, ms; absence only. */
  readonly heardMs?: number
  /** How long the silence may be, ms; absence only. */
  readonly silenceMs?: number
  /** True while the key is one that the rule expects to hear from. */
  readonly expected?: boolean
  readonly prev?: PreviousMessage
  readonly samples?: Samples
  /** When the rule last acted; `throttle` only. */
  readonly actedMs?: number
  /** The texts of the alert that were last said, while it fires. */
  readonly said?: { readonly hash: number; readonly atMs: number }
  /** True while a true verdict waits for the calendar to open. */
  readonly waiting?: boolean
  readonly last?: StoredMessage
}

/** A state that nothing has touched for so long is dropped, unless it is open or waits for something. */
export const idleMs = 7 * 24 * 3_600_000

/** A message that changes nothing else is noted at most so often. */
export const touchEveryMs = 6 * 3_600_000

export function emptyState(shape: number, key: readonly string[], nowMs: number): RuleState {
  return {
    shape,
    key,
    phase: 'inactive',
    sinceMs: nowMs,
    verdict: 'unknown',
    episode: 0,
    session: 0,
    touchedMs: nowMs,
  }
}
