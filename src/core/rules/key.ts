/** What one state of a rule is about: its key parts, read from captures or from the message. */
import { UNKNOWN } from '../conditions/unknown.ts'
import { type Problem, under } from '../problem.ts'
import type { Roots } from '../roots.ts'
import type { KeyPlan } from './compiled-rule.ts'
import type { ExpressionSource } from './definition.ts'
import type { Scope } from './scope.ts'
import { compileSource } from './source.ts'

/** The default: every wildcard level, named or not; without one, the topic name. */
export function captureKey(captureNames: readonly (string | null)[]): KeyPlan {
  if (captureNames.length === 0) {
    return {
      names: ['topic'],
      read: (scope) =>
        scope.topic === undefined ? { ok: false, missing: 'topic' } : { ok: true, parts: [scope.topic] },
    }
  }
  const names = captureNames.map((name, index) => name ?? String(index + 1))
  return { names, read: (scope) => ({ ok: true, parts: scope.captures }) }
}

/** A key of expressions. A part that is missing, null or not a scalar makes the whole key missing. */
export function writtenKey(
  key: Readonly<Record<string, ExpressionSource>>,
  roots: Roots<Scope>,
  problems: Problem[],
): KeyPlan {
  const names: string[] = []
  const parts: ((scope: Scope) => unknown)[] = []
  for (const [name, source] of Object.entries(key)) {
    const compiled = compileSource(source, roots)
    if (!compiled.ok) {
      problems.push(...under(['key', name], compiled.problems))
      continue
    }
    names.push(name)
    parts.push(compiled.value.run)
  }
  return {
    names,
    read(scope) {
      const values: string[] = []
      for (const [index, part] of parts.entries()) {
        const value = part(scope)
        if (value === UNKNOWN || value === null || typeof value === 'object' || value === undefined) {
          return { ok: false, missing: names[index] ?? '' }
        }
        values.push(String(value))
      }
      return { ok: true, parts: values }
    },
  }
}

/** A key as people see it: part name → value. */
export function keyRecord(names: readonly string[], parts: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, parts[index] ?? '']))
}
