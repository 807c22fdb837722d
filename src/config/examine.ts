/** Examines one value of a file with a schema: the value as the schema makes it, or problems. */
import type { z } from 'zod'
import type { Path } from '../core/problem.ts'
import type { FoundProblem } from './found-problem.ts'
import { findNode } from './locate.ts'
import type { NotYet } from './not-yet.ts'
import type { ParsedFile } from './parse-yaml.ts'
import { schemaProblems } from './schema-problems.ts'

export function examine<T>(
  parsed: ParsedFile,
  path: Path,
  schema: z.ZodType<T>,
  value: unknown,
  problems: FoundProblem[],
  notYet?: NotYet,
): T | null {
  const first = schema.safeParse(value)
  if (first.success) return first.data
  const coerced = parsed.substituted.size === 0 ? null : coerce(parsed, path, value, first.error.issues)
  const result = coerced === null ? first : schema.safeParse(coerced)
  if (result.success) return result.data
  const examined = { parsed, base: path, schema, value: coerced ?? value, notYet }
  problems.push(...schemaProblems(examined, result.error.issues))
  return null
}

/**
 * What comes from the environment is always text. Where the schema wants a number or a boolean, decimal text
 * and `true` or `false` become one. Null when nothing changed.
 */
function coerce(
  parsed: ParsedFile,
  base: Path,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
): unknown {
  let changed = false
  const copy = structuredClone(value)
  const visit = (issue: z.core.$ZodIssue, above: readonly PropertyKey[]): void => {
    const full = [...above, ...issue.path]
    if (issue.code === 'invalid_union') {
      for (const branch of issue.errors) for (const inner of branch) visit(inner, full)
      return
    }
    const wanted =
      issue.code === 'invalid_type'
        ? issue.expected
        : issue.code === 'invalid_value'
          ? typeof issue.values[0]
          : null
    const last = full.at(-1)
    if (wanted === null || last === undefined) return
    const path = full.map((part) => (typeof part === 'number' ? part : String(part)))
    const { node, steps } = findNode(parsed, [...base, ...path])
    if (node === null || steps !== base.length + path.length || !parsed.substituted.has(node)) return
    const holder = path
      .slice(0, -1)
      .reduce<unknown>((current, part) => (isHolder(current) ? current[part] : undefined), copy)
    if (!isHolder(holder)) return
    const converted = convert(holder[String(last)], wanted)
    if (converted === undefined) return
    holder[String(last)] = converted
    changed = true
  }
  for (const issue of issues) visit(issue, [])
  return changed ? copy : null
}

function isHolder(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}

function convert(value: unknown, wanted: string): unknown {
  if (typeof value !== 'string') return undefined
  if (wanted === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined
  const isNumber = wanted === 'number' || wanted === 'int'
  return isNumber && /^[-+]?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(value.trim()) ? Number(value) : undefined
}
