/** Finds conditions that say nothing: always true, never true, or waiting for more samples than are kept. */
import { outcomesOf } from '../conditions/analyse.ts'
import { parseExpression } from '../conditions/expression.ts'
import { asOperation } from '../conditions/logic.ts'
import { type Path, type Problem, problem } from '../problem.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'
import type { ExpressionSource } from '../rules/definition.ts'
import { windowSampleLimit } from '../rules/window.ts'
import { quoted } from '../topics/topic-text.ts'

export function lintConditions({ definition, window }: CompiledRule): Problem[] {
  const problems: Problem[] = []
  const check = (source: ExpressionSource | undefined, path: Path) => {
    const found = source === undefined ? null : constantCondition(source, path)
    if (found !== null) problems.push(found)
  }
  check(definition.when, ['when'])
  check(definition.clear?.when, ['clear', 'when'])
  const needsSamples = window !== null && [...window.aggregates].some((name) => name !== 'count')
  if (needsSamples && window.min > windowSampleLimit) {
    problems.push(
      problem(
        'rule-window-limit',
        ['window', 'min'],
        `The window waits for ${window.min} values, but keeps only the latest ${windowSampleLimit}, so it is never known.`,
        { help: `Write ${windowSampleLimit} or less.`, severity: 'warning' },
      ),
    )
  }
  return problems
}

function constantCondition(source: ExpressionSource, path: Path): Problem | null {
  const logic = logicOf(source)
  const { canBeTrue, canBeFalse, canBeUnknown } = outcomesOf(logic)
  if (canBeTrue && (canBeFalse || canBeUnknown)) return null
  const name = `\`${path.join('.')}\``
  const tell = (message: string, help: string) =>
    problem('rule-condition-constant', path, message, { help, severity: 'warning' })
  if (typeof logic === 'string' && holdsExpression(logic)) {
    return tell(
      `${name} is the text ${quoted(logic)}, not a condition: a text is always true.`,
      'Remove the inner pair of quotes.',
    )
  }
  if (canBeTrue) {
    return path.length === 1
      ? tell(`${name} is always true.`, 'Remove it to take every message, or compare with the payload.')
      : tell(`${name} is always true.`, 'Compare with the payload, so that the state ends only then.')
  }
  const never = canBeFalse ? 'can never be true' : 'can never be known, so it is never true'
  return path.length === 1
    ? tell(
        `${name} ${never}: the rule never acts.`,
        'Correct it, or write `enabled: false` to pause the rule.',
      )
    : tell(
        `${name} ${never}: the state never ends.`,
        'Correct it, or remove it to clear when `when` is false.',
      )
}

/** What compiled once compiles again; a text that does not parse cannot come here. */
function logicOf(source: ExpressionSource): unknown {
  if (typeof source !== 'string') return source
  const parsed = parseExpression(source)
  return parsed.ok ? parsed.value : source
}

/** Whether a text is a condition that was put into quotes once too often. */
function holdsExpression(text: string): boolean {
  const parsed = parseExpression(text)
  const operation = parsed.ok ? asOperation(parsed.value) : null
  return operation !== null && operation.operator !== 'var'
}
