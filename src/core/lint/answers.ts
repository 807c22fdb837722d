/** Answers that are written as a `publish` is: what was meant as the topic would be sent. */
import { isPlainObject } from '../conditions/logic.ts'
import { type Problem, problem } from '../problem.ts'
import type { CompiledRule } from '../rules/compiled-rule.ts'

const publishKeys = ['topic', 'payload', 'qos', 'retain', 'broker', 'properties']

export function lintAnswers({ definition }: CompiledRule): Problem[] {
  return definition.then.flatMap(({ kind, spec }, index) => {
    if (kind !== 'respond' || !isPlainObject(spec) || !Object.hasOwn(spec, 'payload')) return []
    if (!Object.keys(spec).every((key) => publishKeys.includes(key))) return []
    return [
      problem(
        'respond-payload',
        ['then', index, 'respond'],
        'This answers with a map that has the key `payload`, and it goes where the request wants it.',
        {
          help: 'Write what is answered right below `respond:`, without `payload` and `topic`.',
          severity: 'warning',
        },
      ),
    ]
  })
}
