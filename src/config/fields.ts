/** The kinds of values that sections are made of, with messages for people and a shape for the JSON Schema. */
import { z } from 'zod'
import { parseSize } from '../core/byte-size.ts'
import { parseDuration } from '../core/duration.ts'
import { explainDuration, maxDurationMs } from '../core/explain-duration.ts'
import type { ProblemCode } from '../core/problem-catalogue.ts'
import type { DurationSource, ExpressionSource } from '../core/rules/definition.ts'
import { configLimits } from './limits.ts'

/** What an issue of a schema can say besides its message; an action's own schema may use it too. */
export interface IssueParams {
  readonly code?: ProblemCode
  readonly help?: string
  readonly offset?: number
}

interface IssueSink {
  addIssue(issue: { code: 'custom'; message: string; path: PropertyKey[]; params: IssueParams }): void
}

export function addProblem(
  context: IssueSink,
  message: string,
  params: IssueParams = {},
  path: PropertyKey[] = [],
): void {
  context.addIssue({ code: 'custom', message, path, params })
}

const durationPattern = '^(?=.)(\\d+d)?(\\d+h)?(\\d+m)?(\\d+s)?(\\d+ms)?$'

function readDuration(
  value: unknown,
  context: IssueSink,
  { minMs, maxMs }: { minMs: number; maxMs: number },
) {
  if (typeof value !== 'string' && typeof value !== 'number') {
    // The kind is wrong, which the message for wrong kinds says best.
    addProblem(context, 'expected:duration', { code: 'config-type' })
    return z.NEVER
  }
  const text = String(value).trim()
  const durationMs = typeof value === 'number' ? null : parseDuration(text)
  if (durationMs === null) {
    const { message, help } = explainDuration(text)
    addProblem(context, message, { code: 'config-duration', help })
    return z.NEVER
  }
  if (durationMs >= minMs && durationMs <= maxMs) return durationMs
  const isLong = durationMs > maxMs
  addProblem(context, `\`${text}\` is too ${isLong ? 'long' : 'short'} here`, {
    code: 'config-duration',
    help: `write ${isLong ? `at most ${spell(maxMs)}` : `at least ${spell(minMs)}`}`,
  })
  return z.NEVER
}

function spell(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`
}

/** Milliseconds. */
export function duration(description: string, { minMs = 0, maxMs = maxDurationMs } = {}) {
  return z
    .unknown()
    .meta({ type: 'string', pattern: durationPattern, examples: ['90s', '5m', '1h30m'], description })
    .transform((value, context): number => readDuration(value, context, { minMs, maxMs }))
}

/** A duration, or an expression that yields one. */
export function durationSource(description: string) {
  return z
    .unknown()
    .meta({ type: 'string', examples: ['90s', '5m', '1h30m', 'with.limit.silent'], description })
    .transform((value, context): DurationSource => {
      if (typeof value === 'string' && /^\s*[A-Za-z_(]/.test(value)) return { expression: value }
      return readDuration(value, context, { minMs: 0, maxMs: maxDurationMs })
    })
}

/** Bytes. */
export function size(description: string, { min = 1, max = Number.MAX_SAFE_INTEGER } = {}) {
  return z
    .unknown()
    .meta({ type: ['string', 'integer'], examples: ['256KiB', '10MiB'], description })
    .transform((value, context): number => {
      if (typeof value !== 'string' && typeof value !== 'number') {
        addProblem(context, 'expected:size', { code: 'config-type' })
        return z.NEVER
      }
      const parsed = parseSize(typeof value === 'number' ? `${value}B` : value)
      if (!parsed.ok) {
        addProblem(context, parsed.message, { code: 'config-size', help: parsed.help })
        return z.NEVER
      }
      if (parsed.bytes >= min && parsed.bytes <= max) return parsed.bytes
      addProblem(context, `\`${value}\` is too ${parsed.bytes > max ? 'large' : 'small'} here`, {
        code: 'config-size',
        help: `write ${parsed.bytes > max ? `at most ${max}` : `at least ${min}`} bytes`,
      })
      return z.NEVER
    })
}

/** Source text, or JsonLogic; null only inside. */
export function expression(description: string) {
  return z
    .unknown()
    .meta({
      anyOf: [{ type: ['string', 'boolean', 'number'] }, { type: 'object' }, { type: 'array' }],
      description,
    })
    .transform((value, context): ExpressionSource => {
      if (isExpression(value)) return value
      addProblem(context, 'expected:expression', { code: 'config-type' })
      return z.NEVER
    })
}

function isExpression(value: unknown): value is Exclude<ExpressionSource, null> {
  return value !== null && value !== undefined
}

/** A name that others refer to: also part of topics and labels, so without blanks and slashes. */
export function name(description: string) {
  return z
    .string()
    .meta({ pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]*$', maxLength: configLimits.nameLength, description })
    .superRefine((text, context) => {
      if (/^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text) && text.length <= configLimits.nameLength) return
      addProblem(context, nameMessage(text), { code: 'config-name', help: nameHelp(text) })
    })
}

function nameMessage(text: string): string {
  if (text === '') return 'a name cannot be empty'
  if (text.length > configLimits.nameLength) return `a name has at most ${configLimits.nameLength} characters`
  return `\`${text}\` cannot be a name: it takes letters, digits, \`-\`, \`_\` and \`.\`, beginning with a letter or digit`
}

function nameHelp(text: string): string {
  const slug = text
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[-_.]+|-+$/g, '')
    .toLowerCase()
    .slice(0, configLimits.nameLength)
  return slug === '' ? 'write a name such as high-temperature' : `write ${slug}`
}

/** A name that expressions use: `with.limit`, a part of the key. */
export function identifier(description: string) {
  return z
    .string()
    .meta({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$', description })
    .superRefine((text, context) => {
      if (/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(text)) return
      addProblem(context, `\`${text.slice(0, 60)}\` cannot be a name in expressions`, {
        code: 'config-name',
        help: 'use letters, digits and `_`, beginning with a letter',
      })
    })
}
