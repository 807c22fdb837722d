/** Says why the conditions of rules came to their verdicts. They are compiled anew for it, once, when first asked. */
import { compileExplained, type Explained } from '../conditions/explain.ts'
import { parseExpression } from '../conditions/expression.ts'
import { type Why, whyOf } from '../conditions/why.ts'
import type { LocalTime } from '../zone.ts'
import type { CompiledRule } from './compiled-rule.ts'
import type { ExpressionSource } from './definition.ts'
import { type Scope, scopeRoots } from './scope.ts'

export type WhichCondition = 'when' | 'clear'

export type ExplainRule = (rule: CompiledRule, which: WhichCondition, scope: Scope) => Why | null

/** Null where the rule has no such condition. */
export function ruleExplainer(localTime: (atMs: number) => LocalTime): ExplainRule {
  const known = new WeakMap<CompiledRule, Map<WhichCondition, ((scope: Scope) => Explained) | null>>()
  return (rule, which, scope) => {
    const ofRule = known.get(rule) ?? new Map<WhichCondition, ((scope: Scope) => Explained) | null>()
    known.set(rule, ofRule)
    let explain = ofRule.get(which)
    if (explain === undefined) {
      const source = which === 'when' ? rule.definition.when : rule.definition.clear?.when
      explain = source === undefined ? null : compile(rule, source, localTime)
      ofRule.set(which, explain)
    }
    return explain === null ? null : whyOf(explain(scope).explanation)
  }
}

function compile(
  rule: CompiledRule,
  source: ExpressionSource,
  localTime: (atMs: number) => LocalTime,
): ((scope: Scope) => Explained) | null {
  const { definition, captureNames } = rule
  const has = {
    value: definition.value !== undefined,
    window: definition.window !== undefined,
    with: definition.with !== undefined,
  }
  const logic = typeof source === 'string' ? parseExpression(source) : ({ ok: true, value: source } as const)
  if (!logic.ok) return null
  const compiled = compileExplained(logic.value, scopeRoots(captureNames, has, localTime))
  return compiled.ok ? compiled.value : null
}
