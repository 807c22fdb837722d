/** Operators that calculate. Operands are finite numbers or decimal strings; a result that is not finite is unknown. */
import type { Build, Evaluate } from '../call.ts'
import { UNKNOWN } from '../unknown.ts'
import { toNumber } from '../values.ts'

/** A finite result, never -0, else unknown. */
const known = (result: number): unknown => (result - result === 0 ? result + 0 : UNKNOWN)

/** One operand: NaN stands for unknown on the way, as it does for every wrongly typed value. */
const operand = (value: unknown): number =>
  typeof value === 'number' && value - value === 0 ? value : toNumber(value)

const binary: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  min: (a, b) => Math.min(a, b),
  max: (a, b) => Math.max(a, b),
}

export const arithmetic: Build = (call) => {
  const { operator } = call
  const operands = call.parts().map((part) => part.evaluate)
  const [a, b] = operands
  if (a === undefined) return () => UNKNOWN
  if (b === undefined) return unary(operator, a)
  if (operands.length === 2) return pair(operator, a, b)
  const combine = binary[operator]!
  return (scope, item) => {
    let result = operand(a(scope, item))
    for (let i = 1; i < operands.length; i++) result = combine(result, operand(operands[i]!(scope, item)))
    return known(result)
  }
}

function unary<S>(operator: string, a: Evaluate<S>): Evaluate<S> {
  if (operator === '-') return (scope, item) => known(-operand(a(scope, item)))
  return (scope, item) => known(operand(a(scope, item)))
}

function pair<S>(operator: string, a: Evaluate<S>, b: Evaluate<S>): Evaluate<S> {
  switch (operator) {
    case '+':
      return (scope, item) => known(operand(a(scope, item)) + operand(b(scope, item)))
    case '-':
      return (scope, item) => known(operand(a(scope, item)) - operand(b(scope, item)))
    case '*':
      return (scope, item) => known(operand(a(scope, item)) * operand(b(scope, item)))
    case '/':
      return (scope, item) => known(operand(a(scope, item)) / operand(b(scope, item)))
    default: {
      const combine = binary[operator]!
      return (scope, item) => known(combine(operand(a(scope, item)), operand(b(scope, item))))
    }
  }
}

/** Tocsin's own: the number that a number or decimal string is, else unknown. */
export const number: Build = (call) => {
  const value = call.part(0).evaluate
  return (scope, item) => known(operand(value(scope, item)))
}
