/** Operators that decide: and, or, not, if, ??. Three-valued: an unknown operand is passed over where another decides. */
import type { Build, Evaluate, Part } from '../call.ts'
import { isTruthy, truth, UNKNOWN } from '../unknown.ts'

const evaluators = <S>(parts: readonly Part<S>[]): Evaluate<S>[] => parts.map((part) => part.evaluate)

/** The first falsy operand, else unknown if any is, else the last. */
export const and: Build = (call) => {
  const operands = evaluators(call.parts())
  const [a, b] = operands
  if (operands.length === 2 && a !== undefined && b !== undefined) {
    return (scope, item) => {
      const first = a(scope, item)
      if (first === false) return false
      if (first !== true && first !== UNKNOWN && !isTruthy(first)) return first
      const second = b(scope, item)
      if (first !== UNKNOWN) return second
      return second !== true && second !== UNKNOWN && !isTruthy(second) ? second : UNKNOWN
    }
  }
  return (scope, item) => {
    let sawUnknown = false
    let last: unknown
    for (let i = 0; i < operands.length; i++) {
      last = operands[i]!(scope, item)
      if (last === true) continue
      if (last === false) return false
      if (last === UNKNOWN) sawUnknown = true
      else if (!isTruthy(last)) return last
    }
    return sawUnknown ? UNKNOWN : last
  }
}

/** The first truthy operand, else unknown if any is, else the last. */
export const or: Build = (call) => {
  const operands = evaluators(call.parts())
  return (scope, item) => {
    let sawUnknown = false
    let last: unknown
    for (let i = 0; i < operands.length; i++) {
      last = operands[i]!(scope, item)
      if (last === false) continue
      if (last === true) return true
      if (last === UNKNOWN) sawUnknown = true
      else if (isTruthy(last)) return last
    }
    return sawUnknown ? UNKNOWN : last
  }
}

export const not: Build = (call) => {
  const operand = call.part(0).evaluate
  return (scope, item) => {
    const verdict = truth(operand(scope, item))
    return verdict === UNKNOWN ? UNKNOWN : !verdict
  }
}

export const notNot: Build = (call) => {
  const operand = call.part(0).evaluate
  return (scope, item) => truth(operand(scope, item))
}

/** Conditions and values in turn, then perhaps an else (null without one). An unknown condition decides nothing. */
export const conditional: Build = (call) => {
  const parts = evaluators(call.parts())
  return (scope, item) => {
    let i = 0
    for (; i + 1 < parts.length; i += 2) {
      const verdict = truth(parts[i]!(scope, item))
      if (verdict === UNKNOWN) return UNKNOWN
      if (verdict) return parts[i + 1]!(scope, item)
    }
    return i < parts.length ? parts[i]!(scope, item) : null
  }
}

/** Tocsin's own: the first operand that is neither unknown nor null, else the last. */
export const coalesce: Build = (call) => {
  const operands = evaluators(call.parts())
  return (scope, item) => {
    let value: unknown = UNKNOWN
    for (let i = 0; i < operands.length; i++) {
      value = operands[i]!(scope, item)
      if (value !== UNKNOWN && value !== null) return value
    }
    return value
  }
}

export const identity: Build = (call) => call.part(0).evaluate
