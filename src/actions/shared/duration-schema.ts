/** A duration in the configuration of an action. */
import { z } from 'zod'
import { parseDuration } from '../../core/duration.ts'

/** Reads `90s` or `1h30m` into milliseconds. */
export function durationSchema(description: string) {
  return z
    .string()
    .transform((text, context) => {
      const durationMs = parseDuration(text)
      if (durationMs !== null) return durationMs
      context.addIssue({
        code: 'custom',
        message: `${JSON.stringify(text)} is not a duration; write one such as 90s, 5m or 1h30m`,
      })
      return z.NEVER
    })
    .describe(description)
}
