/** A duration in the configuration of an action. */
import { z } from 'zod'
import { parseDuration } from '../../core/duration.ts'
import { explainDuration, maxDurationMs } from '../../core/explain-duration.ts'

/** Reads `90s` or `1h30m` into milliseconds. A number is taken in to say that it lacks a unit. */
export function durationSchema(description: string) {
  return z
    .unknown()
    .meta({ type: 'string', examples: ['90s', '5m', '1h30m'], description })
    .transform((value, context): number => {
      const text = String(value).trim()
      const durationMs = typeof value === 'string' ? parseDuration(text) : null
      if (durationMs !== null && durationMs <= maxDurationMs) return durationMs
      const { message, help } =
        durationMs === null
          ? explainDuration(text)
          : { message: `\`${text}\` is too long`, help: 'write at most 3650d' }
      context.addIssue({ code: 'custom', message, params: { code: 'config-duration', help } })
      return z.NEVER
    })
}
