/** Operators that compare: < <= > >= and == != === !==. */
import type { Build, Call, Evaluate, Part } from '../call.ts'
import { UNKNOWN } from '../unknown.ts'
import { looselyEqual, order, toNumber } from '../values.ts'

/** Ordering against a constant number: what most conditions are, so each operator has a closure of its own. */
function againstNumber<S>(operator: string, value: Evaluate<S>, limit: number): Evaluate<S> {
  const slow = (given: unknown): number => toNumber(given) - limit
  switch (operator) {
    case '>':
      return (scope, item) => {
        const given = value(scope, item)
        if (typeof given === 'number' && given - given === 0) return given > limit
        const by = slow(given)
        return Number.isNaN(by) ? UNKNOWN : by > 0
      }
    case '>=':
      return (scope, item) => {
        const given = value(scope, item)
        if (typeof given === 'number' && given - given === 0) return given >= limit
        const by = slow(given)
        return Number.isNaN(by) ? UNKNOWN : by >= 0
      }
    case '<':
      return (scope, item) => {
        const given = value(scope, item)
        if (typeof given === 'number' && given - given === 0) return given < limit
        const by = slow(given)
        return Number.isNaN(by) ? UNKNOWN : by < 0
      }
    default:
      return (scope, item) => {
        const given = value(scope, item)
        if (typeof given === 'number' && given - given === 0) return given <= limit
        const by = slow(given)
        return Number.isNaN(by) ? UNKNOWN : by <= 0
      }
  }
}

function ordering<S>(operator: string, a: Evaluate<S>, b: Evaluate<S>): Evaluate<S> {
  const holds = verdictOf(operator)
  return (scope, item) => {
    const by = order(a(scope, item), b(scope, item))
    return Number.isNaN(by) ? UNKNOWN : holds(by)
  }
}

function verdictOf(operator: string): (by: number) => boolean {
  if (operator === '>') return (by) => by > 0
  if (operator === '>=') return (by) => by >= 0
  return operator === '<' ? (by) => by < 0 : (by) => by <= 0
}

const mirrored: Readonly<Record<string, string>> = { '>': '<', '>=': '<=', '<': '>', '<=': '>=' }

const isNumberConstant = <S>(part: Part<S>): part is Part<S> & { value: number } =>
  part.constant && typeof part.value === 'number' && Number.isFinite(part.value)

export const compare: Build = (call) => {
  const { operator } = call
  const [a, b, c] = call.parts()
  if (a === undefined || b === undefined) return () => UNKNOWN
  if (c !== undefined) return between(operator, a.evaluate, b.evaluate, c.evaluate)
  if (call.fuse && isNumberConstant(b)) return againstNumber(operator, a.evaluate, b.value)
  if (call.fuse && isNumberConstant(a)) return againstNumber(mirrored[operator]!, b.evaluate, a.value)
  return ordering(operator, a.evaluate, b.evaluate)
}

/** `a < b < c`; unknown unless all three can be ordered. */
function between<S>(operator: string, a: Evaluate<S>, b: Evaluate<S>, c: Evaluate<S>): Evaluate<S> {
  const holds = verdictOf(operator)
  return (scope, item) => {
    const middle = b(scope, item)
    const low = order(a(scope, item), middle)
    const high = order(middle, c(scope, item))
    return Number.isNaN(low) || Number.isNaN(high) ? UNKNOWN : holds(low) && holds(high)
  }
}

/**
 * A comparison with an unknown side is unknown, but for a variable compared with a literal null:
 * that is how a condition asks whether it is there.
 */
function equality<S>(
  call: Call<S>,
  equal: (a: unknown, b: unknown) => boolean | typeof UNKNOWN,
  negated: boolean,
): Evaluate<S> {
  const [a, b] = call.parts()
  if (a === undefined || b === undefined) return () => UNKNOWN
  const asked = a.reference && call.raw(1) === null ? a : b.reference && call.raw(0) === null ? b : null
  if (asked !== null) {
    return (scope, item) => {
      // Both sides are evaluated so that an explanation shows both.
      const first = a.evaluate(scope, item)
      const value = asked === a ? first : b.evaluate(scope, item)
      return (value === UNKNOWN || value === null) !== negated
    }
  }
  const left = a.evaluate
  const right = b.evaluate
  return (scope, item) => {
    const x = left(scope, item)
    const y = right(scope, item)
    if (x === UNKNOWN || y === UNKNOWN) return UNKNOWN
    const verdict = equal(x, y)
    return verdict === UNKNOWN ? UNKNOWN : verdict !== negated
  }
}

const identical = (a: unknown, b: unknown): boolean => a === b

export const looseEquality: Build = (call) => {
  const { work } = call
  return equality(call, (a, b) => looselyEqual(a, b, work), call.operator === '!=')
}

export const strictEquality: Build = (call) => equality(call, identical, call.operator === '!==')
