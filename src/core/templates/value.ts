/** Value templates: a tree from YAML whose texts are templates; a leaf that is one `{{ … }}` keeps its type. */
import { Output } from 'liquidjs'
import { type Path, type Problem, problem, type Result, under } from '../problem.ts'
import type { Roots } from '../roots.ts'
import { evaluateOutput } from './engine.ts'
import { maxValueDepth } from './limits.ts'
import { Run } from './run.ts'
import { compileSource, failure, zoneOption } from './source.ts'
import { RenderStop, type TemplateOptions, type ValueTemplate } from './template.ts'
import { compileText } from './text.ts'
import { isMissing, readPath } from './values.ts'

type Make<S> = (scope: S, nowMs: number) => unknown

/** A part of the tree: a constant, or what makes it. */
interface Node<S> {
  readonly constant: boolean
  readonly make: Make<S>
}

export type ValueOptions = Omit<TemplateOptions, 'keepLevels'> & {
  /** What a missing value does: `null` where it is the whole leaf and `?` in a text, unless it stops the rendering. */
  readonly onMissing?: 'stop'
}

const asItIs = {
  onMissing: 'mark',
  escape: (text: string) => text,
  escapeLevels: (text: string) => text,
} as const

/**
 * Compiles a JSON-like value. Keys are not templated; a text that is exactly one output gives the value itself
 * (missing: null), other texts print `?` for what is missing. Problems carry the path of their leaf.
 */
export function compileValue<S>(
  value: unknown,
  roots: Roots<S>,
  options: ValueOptions = {},
): Result<ValueTemplate<S>> {
  const stops = options.onMissing === 'stop'
  const orNull = (value: unknown, source: string, uses: ValueTemplate<S>['uses']): unknown => {
    if (!isMissing(value)) return value
    if (stops) throw new RenderStop('missing', `${source} has no value`, uses)
    return null
  }
  const zone = zoneOption(options.zone)
  const problems: Problem[] = []
  const uses = new Map<string, readonly string[]>()
  const keepUses = (paths: readonly (readonly string[])[]): void => {
    for (const path of paths) uses.set(JSON.stringify(path), path)
  }
  const root = compileNode(value, [])
  if (problems.length > 0) return { ok: false, problems }
  const { make } = root
  const render: ValueTemplate<S>['render'] = (scope, nowMs) => {
    try {
      return { ok: true, value: make(scope, nowMs) }
    } catch (error) {
      return failure(error)
    }
  }
  return { ok: true, value: { render, uses: [...uses.values()], constant: root.constant } }

  function compileNode(part: unknown, path: Path): Node<S> {
    if (path.length > maxValueDepth) {
      problems.push(problem('template-limit', path, `The value is nested more than ${maxValueDepth} deep.`))
      return fixed(null)
    }
    if (typeof part === 'string') return compileLeaf(part, path)
    if (Array.isArray(part)) {
      const items = part.map((item, index) => compileNode(item, [...path, index]))
      if (items.every((item) => item.constant))
        return fixed(items.map((item) => item.make(undefined as S, 0)))
      return { constant: false, make: (scope, nowMs) => items.map((item) => item.make(scope, nowMs)) }
    }
    if (typeof part !== 'object' || part === null || part instanceof Uint8Array) return fixed(part)
    const entries = Object.entries(part).map(
      ([key, item]) => [key, compileNode(item, [...path, key])] as const,
    )
    const make = objectMaker(entries)
    // What is constant may still be written as a template.
    return entries.every(([, item]) => item.constant)
      ? fixed(make(undefined as S, 0))
      : { constant: false, make }
  }

  function compileLeaf(source: string, path: Path): Node<S> {
    if (!source.includes('{{') && !source.includes('{%')) return fixed(source)
    const found = isOneOutput(source) ? compileOutput(source) : compileWhole(source)
    if (found.ok) return found.value
    problems.push(...under(path, found.problems))
    return fixed(null)
  }

  function compileWhole(source: string): Result<Node<S>> {
    const compiled = compileText(source, roots, stops ? 'strict' : 'text', options)
    if (!compiled.ok) return compiled
    const template = compiled.value
    keepUses(template.uses)
    const make: Make<S> = (scope, nowMs) => {
      const rendered = template.render(scope, nowMs)
      if (!rendered.ok) throw new RenderStop(rendered.reason, rendered.message, template.uses)
      return rendered.text
    }
    return { ok: true, value: { constant: template.constant, make } }
  }

  function compileOutput(source: string): Result<Node<S>> {
    const compiled = compileSource(source, roots)
    if (!compiled.ok) return compiled
    const { pieces, analysis, variables, accessor } = compiled.value
    const [output] = pieces
    // `{{ a }}{{ b }}` also begins and ends as one output does.
    if (pieces.length !== 1 || !(output instanceof Output)) return compileWhole(source)
    keepUses(analysis.uses)
    const bare = analysis.bare.get(output)
    if (bare !== undefined) {
      const read = accessor(bare.root)
      const { path } = bare
      return {
        ok: true,
        value: {
          constant: false,
          make: (scope, nowMs) => orNull(readPath(read(scope, nowMs), path), source, analysis.uses),
        },
      }
    }
    const make: Make<S> = (scope, nowMs) =>
      orNull(
        evaluateOutput(output.value, variables(scope, nowMs), new Run(asItIs, zone, new Set())),
        source,
        analysis.uses,
      )
    return { ok: true, value: { constant: false, make } }
  }
}

function fixed<S>(value: unknown): Node<S> {
  return { constant: true, make: () => value }
}

function isOneOutput(source: string): boolean {
  return source.startsWith('{{') && source.endsWith('}}')
}

function objectMaker<S>(entries: readonly (readonly [string, Node<S>])[]): Make<S> {
  // A key named __proto__ would set the prototype when assigned; fromEntries defines it as plain data.
  if (entries.some(([key]) => key === '__proto__')) {
    return (scope, nowMs) => Object.fromEntries(entries.map(([key, item]) => [key, item.make(scope, nowMs)]))
  }
  return (scope, nowMs) => {
    const made: Record<string, unknown> = {}
    for (const [key, item] of entries) made[key] = item.make(scope, nowMs)
    return made
  }
}
