/** What picks alerts by their labels, and lists of labels. */
import { z } from 'zod'
import { compileMatcher, matcherLimits } from '../../core/alerts/matcher.ts'
import { addProblem } from '../fields.ts'
import { configLimits } from '../limits.ts'

const labelName = z.string().min(1).max(configLimits.nameLength)

export function labelNames(description: string) {
  return z
    .union([labelName, z.array(labelName).max(matcherLimits.labels)])
    .transform((names) => [...new Set(typeof names === 'string' ? [names] : names)])
    .describe(description)
}

export function matcher(description: string) {
  return z
    .record(labelName, z.union([z.string(), z.array(z.string()).min(1)]))
    .meta({ minProperties: 1 })
    .superRefine((written, context) => {
      const labels = Object.keys(written)
      if (labels.length === 0) {
        addProblem(context, 'this would match every alert', {
          help: 'name at least one label, such as { rule: gateway-down }',
        })
      }
      if (labels.length > matcherLimits.labels) {
        addProblem(context, `there are more than ${matcherLimits.labels} labels`, { help: 'use fewer' })
      }
      for (const label of labels) {
        const compiled = compileMatcher({ [label]: written[label] ?? '' })
        if (compiled.ok) continue
        const help = 'write a value, a list of values, or a pattern between slashes, such as /^gateway-/'
        addProblem(context, compiled.message, { code: 'expr-pattern', help }, [label])
      }
    })
    .describe(description)
}
