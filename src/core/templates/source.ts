/** What the text and the value templates share: a source becomes checked pieces and a scope becomes variables. */
import type { Template as Piece } from 'liquidjs'
import { type Problem, problem, type Result } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { type Analysis, analyse } from './analyse.ts'
import { isZone } from './date-text.ts'
import { parseTemplate } from './parse.ts'
import { type RenderFailed, RenderStop } from './template.ts'

export type Accessor<S> = (scope: S, nowMs: number) => unknown

export interface Compiled<S> {
  readonly pieces: Piece[]
  readonly analysis: Analysis
  /** Only the roots that the template reads, in an object without prototype. */
  variables(scope: S, nowMs: number): object
  accessor(root: string): Accessor<S>
}

export function compileSource<S>(source: string, roots: Roots<S>): Result<Compiled<S>> {
  const parsed = parseTemplate(source)
  if (!parsed.ok) return parsed
  const analysis = analyse(parsed.value, roots)
  if (analysis.problems.length > 0) return { ok: false, problems: analysis.problems }
  const accessor = (root: string): Accessor<S> => {
    if (root === 'now') return (_, nowMs) => isoInstant(nowMs)
    const read = roots.resolve(root)
    if (read === null) throw new Error(`unknown root ${root}`)
    return read
  }
  const readers = [...analysis.roots].map((root) => [root, accessor(root)] as const)
  const variables = (scope: S, nowMs: number): object => {
    const made: Record<string, unknown> = Object.create(null)
    for (const [root, read] of readers) made[root] = read(scope, nowMs)
    return made
  }
  return { ok: true, value: { pieces: parsed.value, analysis, variables, accessor } }
}

function isoInstant(nowMs: number): string | undefined {
  return Math.abs(nowMs) <= 8.64e15 ? new Date(nowMs).toISOString() : undefined
}

/** The zone of the `date` filter; the caller has checked what users wrote. */
export function zoneOption(zone = 'UTC'): string {
  if (!isZone(zone)) throw new RangeError(`no time zone ${zone}`)
  return zone
}

export function failure(error: unknown): RenderFailed {
  if (!(error instanceof RenderStop)) {
    // JSON.stringify and the like on values nested deeper than the stack.
    if (error instanceof RangeError)
      return { ok: false, reason: 'limit', message: 'a value is too deeply nested' }
    throw error
  }
  const { reason, message, uses } = error
  return { ok: false, reason, message, ...(uses == null ? {} : { uses }) }
}

export function refused(
  code: Problem['code'],
  message: string,
  help: string,
  offset?: number,
): Result<never> {
  return {
    ok: false,
    problems: [problem(code, [], message, { help, ...(offset === undefined ? {} : { offset }) })],
  }
}
