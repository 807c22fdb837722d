/** Compiles the one matcher that inhibitions, silences, filters of commands and the API share. */
import { RE2JS } from 're2js'
import type { Matcher } from './definition.ts'

export type Labels = Readonly<Record<string, string>>

/** A pattern may be so long. */
const patternLength = 1_000
/** Of a label's value so much is looked at. */
const valueLength = 1_000
/** A matcher asks for so many labels, a list names so many values. */
export const matcherLimits = { labels: 20, values: 1_000 }

interface Test {
  readonly label: string
  readonly values: ReadonlySet<string>
  readonly patterns: readonly RE2JS[]
}

export interface CompiledMatcher {
  readonly source: Matcher
  /** True when every label passes; an alert that lacks a label has it empty. */
  matches(labels: Labels): boolean
}

/** The matcher, or what is wrong with it in words. Patterns are found anywhere, in time linear in the text. */
export function compileMatcher(
  source: Matcher,
): { readonly ok: true; readonly value: CompiledMatcher } | { readonly ok: false; readonly message: string } {
  const tests: Test[] = []
  const entries = Object.entries(source)
  if (entries.length > matcherLimits.labels)
    return { ok: false, message: `A matcher names at most ${matcherLimits.labels} labels.` }
  for (const [label, wanted] of entries) {
    const list = typeof wanted === 'string' ? [wanted] : wanted
    if (list.length > matcherLimits.values)
      return { ok: false, message: `The list of "${label}" has more than ${matcherLimits.values} values.` }
    const patterns: RE2JS[] = []
    const values = new Set<string>()
    for (const text of list) {
      const pattern = patternOf(text)
      if (pattern === null) {
        values.add(text)
        continue
      }
      if (pattern.length > patternLength)
        return { ok: false, message: `The pattern of "${label}" is longer than ${patternLength} characters.` }
      try {
        patterns.push(RE2JS.compile(pattern))
      } catch (error) {
        const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : 'syntax'
        return {
          ok: false,
          message: `The pattern ${text.slice(0, 80)} of "${label}" cannot be used: ${reason}`,
        }
      }
    }
    tests.push({ label, values, patterns })
  }
  return { ok: true, value: { source, matches: (labels) => tests.every((test) => passes(test, labels)) } }
}

function passes({ label, values, patterns }: Test, labels: Labels): boolean {
  const value = Object.hasOwn(labels, label) ? (labels[label] ?? '') : ''
  return values.has(value) || patterns.some((pattern) => pattern.test(value.slice(0, valueLength)))
}

function patternOf(text: string): string | null {
  return text.length > 1 && text.startsWith('/') && text.endsWith('/') ? text.slice(1, -1) : null
}
