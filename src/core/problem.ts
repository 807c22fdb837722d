/** A problem found in what the user wrote: what is wrong, where in the configuration, and what to do. */
import type { ProblemCode } from './problem-catalogue.ts'

/** A path into a configuration value: mapping keys and list indexes, outermost first. */
export type Path = readonly (string | number)[]

export interface Problem {
  readonly code: ProblemCode
  /** One sentence: what is wrong, naming the offending text. */
  readonly message: string
  /** One sentence: what to write instead. */
  readonly help?: string
  /** Where, relative to the value that was examined (a rule, an action, …). */
  readonly path: Path
  /** Where inside the text of the scalar at `path`, in UTF-16 units. */
  readonly offset?: number
  readonly severity: 'error' | 'warning'
}

export function problem(
  code: ProblemCode,
  path: Path,
  message: string,
  more: { help?: string; offset?: number; severity?: 'error' | 'warning' } = {},
): Problem {
  return { code, path, message, severity: 'error', ...more }
}

/** Puts problems found inside a part under the path of that part. */
export function under(path: Path, problems: readonly Problem[]): Problem[] {
  return problems.map((found) => ({ ...found, path: [...path, ...found.path] }))
}

/** Either a value or the problems that kept it from being made. */
export type Result<T> = { ok: true; value: T } | { ok: false; problems: readonly Problem[] }
