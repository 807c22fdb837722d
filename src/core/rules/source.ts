/** Compiles what a user may write where a condition or a value is expected: expression text, or JsonLogic. */
import { type Compiled, compileLogic } from '../conditions/compile.ts'
import { parseExpression } from '../conditions/expression.ts'
import type { Result } from '../problem.ts'
import type { Roots } from '../roots.ts'
import type { ExpressionSource } from './definition.ts'

export function compileSource<S>(source: ExpressionSource, roots: Roots<S>): Result<Compiled<S>> {
  if (typeof source !== 'string') return compileLogic(source, roots)
  const parsed = parseExpression(source)
  return parsed.ok ? compileLogic(parsed.value, roots) : parsed
}
