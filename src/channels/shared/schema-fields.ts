/** The kinds of values in targets and accounts, with messages for people. */
import { z } from 'zod'
import { parseDuration } from '../../core/duration.ts'

interface IssueSink {
  addIssue(issue: {
    code: 'custom'
    message: string
    path: PropertyKey[]
    params: { help?: string; code?: string; offset?: number }
  }): void
}

/** `help` says what to write instead; the message never shows a value that may be secret. */
export function addProblem(
  context: IssueSink,
  path: PropertyKey[],
  message: string,
  help?: string,
  more: { code?: string; offset?: number } = {},
): void {
  context.addIssue({
    code: 'custom',
    message,
    path,
    params: { ...more, ...(help === undefined ? {} : { help }) },
  })
}

/** Milliseconds. */
export function duration(description: string, minMs: number, maxMs: number) {
  return z
    .unknown()
    .meta({ type: 'string', examples: ['10s', '1m'], description })
    .transform((written, context): number => {
      const durationMs = typeof written === 'string' ? parseDuration(written) : null
      if (durationMs !== null && durationMs >= minMs && durationMs <= maxMs) return durationMs
      addProblem(
        context,
        [],
        durationMs === null
          ? 'expected:duration'
          : `\`${written}\` is too ${durationMs < minMs ? 'short' : 'long'} here`,
        `write ${minMs / 1000}s to ${maxMs / 1000}s`,
      )
      return z.NEVER
    })
}
