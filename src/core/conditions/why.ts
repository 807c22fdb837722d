/**
 * Why a condition came to its verdict: of all its parts those that decided, with the values they looked at, in the
 * language's own notation. For people who watch messages, and for explanations.
 */
import { jsonText } from '../json-text.ts'
import { cutToWidth } from '../text-width.ts'
import type { Explanation } from './explain.ts'
import { truth, UNKNOWN } from './unknown.ts'

export interface Why {
  readonly verdict: boolean | 'unknown'
  /** Short texts, e.g. `payload.t > 35 is false (payload.t = 21.4)` or `payload.t is missing`; at least one. */
  readonly reasons: readonly string[]
  /** Reasons that were left out. */
  readonly more: number
}

const reasonLimit = 3
const operandLimit = 4
const textWidthLimit = 120
const valueWidthLimit = 40
/** Lists and objects with more in them are told by their size. */
const entryLimit = 20

export function whyOf(explanation: Explanation): Why {
  const verdict = truth(explanation.value)
  const all = decidingParts(explanation).flatMap((part) =>
    part.value === UNKNOWN ? causes(part) : [known(part)],
  )
  const reasons = [...new Set(all)]
  return {
    verdict: verdict === UNKNOWN ? 'unknown' : verdict,
    reasons: reasons.slice(0, reasonLimit),
    more: Math.max(0, reasons.length - reasonLimit),
  }
}

/** The comparisons and the like, below `and`, `or` and `not`, whose verdicts alone give the verdict of the whole. */
export function decidingParts(part: Explanation): readonly Explanation[] {
  // What it gave up says nothing of its parts.
  if (part.because !== undefined) return [part]
  const chosen = decidingChildren(part)
  return chosen.length === 0 ? [part] : chosen.flatMap(decidingParts)
}

function decidingChildren({ operator, value, children }: Explanation): readonly Explanation[] {
  const verdict = truth(value)
  const like = children.filter((child) => truth(child.value) === verdict)
  switch (operator) {
    case 'and':
    case 'or': {
      // One false operand makes `and` false, whatever the others are; and one true operand makes `or` true.
      const settles = operator === 'or'
      return verdict === settles ? like.slice(0, 1) : like
    }
    case '!':
    case '!!': {
      const [operand] = children
      return operand !== undefined && isJunction(operand) ? [operand] : []
    }
    default:
      return []
  }
}

const isJunction = ({ operator }: Explanation): boolean =>
  operator === 'and' || operator === 'or' || operator === '!' || operator === '!!'

/** Where unknown began below a part. */
function causes(part: Explanation): readonly string[] {
  if (part.because !== undefined) return [cutToWidth(part.because, textWidthLimit)]
  const unknown = part.children.filter((child) => child.value === UNKNOWN)
  return unknown.length === 0 ? [`${shortText(part)} is unknown`] : unknown.flatMap(causes)
}

function known(part: Explanation): string {
  const text = shortText(part)
  if (isVariable(part)) return `${text} = ${shortValue(part.value)}`
  const verdict = `${text} is ${truth(part.value) === true ? 'true' : 'false'}`
  const operands = new Map<string, string>()
  collect(part, operands)
  const shown = [...operands].slice(0, operandLimit).map(([name, value]) => `${name} ${value}`)
  if (operands.size > operandLimit) shown.push('…')
  return shown.length === 0 ? verdict : `${verdict} (${shown.join(', ')})`
}

/** The variables that a part looked at; those that stand for the items of a list are told by the list. */
function collect(part: Explanation, into: Map<string, string>): void {
  if (into.size > operandLimit) return
  if (isVariable(part)) {
    const name = shortText(part)
    if (!into.has(name)) into.set(name, part.value === UNKNOWN ? 'is missing' : `= ${shortValue(part.value)}`)
    return
  }
  for (const child of part.children) collect(child, into)
}

const isVariable = ({ operator, text }: Explanation): boolean =>
  (operator === 'var' || operator === 'root') && !/^(item|accumulator|current)\b/.test(text)

const shortText = ({ text }: Explanation): string => cutToWidth(text, textWidthLimit)

function shortValue(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (Array.isArray(value) && value.length > entryLimit) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null && Object.keys(value).length > entryLimit)
    return `an object of ${Object.keys(value).length}`
  const text = typeof value === 'string' ? value.slice(0, valueWidthLimit * 4) : value
  return cutToWidth(jsonText(text).slice(0, valueWidthLimit * 8), valueWidthLimit)
}
