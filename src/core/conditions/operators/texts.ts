/** Operators on texts: cat, substr, matches. */
import { RE2JS } from 're2js'
import type { Build } from '../call.ts'
import { logicLimits } from '../logic.ts'
import { UNKNOWN } from '../unknown.ts'
import { textOf, toNumber } from '../values.ts'
import { BudgetSpent } from '../work.ts'

export const cat: Build = (call) => {
  const { work } = call
  const parts = call.parts().map((part) => part.evaluate)
  return (scope, item) => {
    let text = ''
    for (let i = 0; i < parts.length; i++) {
      const value = parts[i]!(scope, item)
      const part = value === UNKNOWN ? UNKNOWN : textOf(value, work)
      if (part === UNKNOWN) return UNKNOWN
      text += part
      work.chargeText(text.length)
    }
    return text
  }
}

/** From `start` (negative: from the end) so many characters; a negative length leaves out that many at the end. */
export const substr: Build = (call) => {
  const { work } = call
  const source = call.part(0).evaluate
  const from = call.part(1).evaluate
  const count = call.count > 2 ? call.part(2).evaluate : null
  return (scope, item) => {
    const value = source(scope, item)
    if (typeof value !== 'string' && typeof value !== 'number') return UNKNOWN
    const text = String(value)
    work.chargeText(text.length)
    const start = Math.trunc(toNumber(from(scope, item)))
    if (Number.isNaN(start)) return UNKNOWN
    const begin = start < 0 ? Math.max(0, text.length + start) : start
    if (count === null) return text.slice(begin)
    const length = Math.trunc(toNumber(count(scope, item)))
    if (Number.isNaN(length)) return UNKNOWN
    const end = length < 0 ? text.length + length : begin + length
    return end > begin ? text.slice(begin, end) : ''
  }
}

/** Longest text that is matched, in UTF-16 units: the dearest patterns take about 4 µs for each. */
export const matchedTextLimit = 10_000

/** Budget units per character matched, for that reason. */
const unitsPerChar = 10

/** Tocsin's own: whether the pattern is found anywhere in the text, in time linear in the text. */
export const matches: Build = (call) => {
  const { work } = call
  const text = call.part(0).evaluate
  const source = call.raw(1)
  if (typeof source !== 'string') {
    return call.refuse({
      code: 'expr-pattern',
      message: 'The regular expression of matches must be written out',
      help: 'Write it in quotes, such as matches(payload.name, "^pump").',
      argument: 1,
    })
  }
  if (source.length > logicLimits.patternLength) {
    return call.refuse({
      code: 'expr-limit',
      message: `A regular expression is at most ${logicLimits.patternLength} characters`,
      argument: 1,
    })
  }
  let pattern: RE2JS
  try {
    pattern = RE2JS.compile(source)
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace('error parsing regexp: ', '') : 'syntax'
    return call.refuse({
      code: 'expr-pattern',
      message: `The regular expression “${source.slice(0, 80)}” cannot be used: ${reason}`,
      help: 'Patterns have RE2 syntax: no look-ahead or look-behind, no back-references, at most 1000 repeats.',
      argument: 1,
    })
  }
  call.part(1)
  return (scope, item) => {
    const value = text(scope, item)
    if (typeof value !== 'string') return UNKNOWN
    if (value.length > matchedTextLimit) throw new BudgetSpent()
    work.charge(value.length * unitsPerChar)
    return pattern.test(value)
  }
}
