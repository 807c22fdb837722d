/** The silences that people set: one bounded list in the slice `silences`, each with an end. */
import type { Matcher } from './definition.ts'
import { type CompiledMatcher, compileMatcher, type Labels } from './matcher.ts'

export interface Silence {
  readonly id: string
  readonly matcher: Matcher
  /** Steady ms. */
  readonly untilMs: number
  /** Wall clock, ms since the epoch. */
  readonly createdMs: number
  readonly endsMs: number
  readonly by: string
  readonly via: string
  readonly comment: string
}

export interface SilencesState {
  readonly list: readonly Silence[]
  /** How many were ever set. */
  readonly count: number
}

export const silencesSliceId = 'silences'
export const silenceLimit = 1_000
export const noSilences: SilencesState = { list: [], count: 0 }

/** Kept as long as the silence itself is in memory. */
const compiled = new WeakMap<Silence, CompiledMatcher>()

/** Of those that silence these labels, the one that lasts longest. */
export function silenceOf(state: SilencesState, labels: Labels, nowMs: number): Silence | null {
  let found: Silence | null = null
  for (const silence of state.list) {
    if (silence.untilMs <= nowMs || (found !== null && silence.untilMs <= found.untilMs)) continue
    if (matcherOf(silence)?.matches(labels) === true) found = silence
  }
  return found
}

export function silencesDueMs(state: SilencesState): number | null {
  return state.list.reduce<number | null>(
    (dueMs, { untilMs }) => (dueMs === null ? untilMs : Math.min(dueMs, untilMs)),
    null,
  )
}

function matcherOf(silence: Silence): CompiledMatcher | null {
  const known = compiled.get(silence)
  if (known !== undefined) return known
  const made = compileMatcher(silence.matcher)
  // It was checked when it was set.
  if (!made.ok) return null
  compiled.set(silence, made.value)
  return made.value
}
