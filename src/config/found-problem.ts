/** A problem of one file before it has its line: the path leads from the top of the file. */
import type { Problem } from '../core/problem.ts'
import type { Span } from './source-text.ts'

export interface FoundProblem extends Problem {
  /** Where exactly, when that is not the value at `path`. */
  readonly span?: Span
  /** The place is the key at the end of `path`, not its value. */
  readonly atKey?: boolean
}
