/** What the builders of the operators are given, and what they give back: one operation on its way to a closure. */
import type { Roots } from '../roots.ts'
import type { Work } from './work.ts'

/** Computes a value, or UNKNOWN. `item` is the element (of `reduce`: the pair) inside operators on lists. */
export type Evaluate<S> = (scope: S, item: unknown) => unknown

/** What `{ "var": … }` looks into: the rule's variables, an element, or the pair of `reduce`. */
export type Frame = 'roots' | 'item' | 'reduce'

export interface Part<S> {
  readonly evaluate: Evaluate<S>
  /** Whether it has the same value in every scope; then this is it. */
  readonly constant: boolean
  readonly value: unknown
  /** A variable and nothing else: `== null` may ask whether it is missing. */
  readonly reference: boolean
  /** Operations inside, for the budget. */
  readonly size: number
}

export interface Call<S> {
  readonly operator: string
  readonly count: number
  readonly frame: Frame
  readonly work: Work
  readonly roots: Roots<S>
  /** Whether closures may merge with those of their arguments; not while an evaluation is explained. */
  readonly fuse: boolean
  /** The argument as written. */
  raw(index: number): unknown
  part(index: number, frame?: Frame): Part<S>
  parts(): Part<S>[]
  /** Notes that the condition reads this path of the roots; an empty path is any of them. */
  use(path: readonly string[]): void
  /** Notes a problem about an argument, or about the whole operation; gives a closure to go on with. */
  refuse(problem: Refusal): Evaluate<S>
}

export interface Refusal {
  readonly code:
    | 'expr-arguments'
    | 'expr-unknown-variable'
    | 'expr-unknown-operator'
    | 'expr-pattern'
    | 'expr-limit'
  readonly message: string
  readonly help?: string
  readonly argument?: number
}

export type Build = <S>(call: Call<S>) => Evaluate<S>
