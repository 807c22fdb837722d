/** What a condition can come to at all: finds conditions that are always true, never true, or always unknown. */
import { compileLogic } from './compile.ts'
import { asOperation } from './logic.ts'
import { truth, UNKNOWN } from './unknown.ts'

/** Sound but not complete: what is false here never happens, what is true may. */
export interface Outcomes {
  readonly canBeTrue: boolean
  readonly canBeFalse: boolean
  readonly canBeUnknown: boolean
}

const anything: Outcomes = { canBeTrue: true, canBeFalse: true, canBeUnknown: true }
const alwaysUnknown: Outcomes = { canBeTrue: false, canBeFalse: false, canBeUnknown: true }

/** `logic` must have been compiled without problems, which bounds its depth. */
export function outcomesOf(logic: unknown): Outcomes {
  if (!readsData(logic)) return outcomesOfConstant(logic)
  const operation = asOperation(logic)
  if (operation === null) return anything
  const { operator, args } = operation
  const [only] = args
  if (operator === 'and') return allOf(args)
  if (operator === 'or') return inverted(allOf(args.map((each) => ({ '!': [each] }))))
  if (operator === '!') return outcomesOfNot(only)
  if (operator === '!!' || operator === 'log') return outcomesOf(only)
  if (Object.hasOwn(oppositeOf, operator) && args.some(hasNoOrder)) return alwaysUnknown
  return anything
}

function outcomesOfNot(operand: unknown): Outcomes {
  const inner = asOperation(operand)
  if (inner?.operator === '!') return outcomesOf(inner.args[0])
  return inverted(outcomesOf(operand))
}

const inverted = ({ canBeTrue, canBeFalse, canBeUnknown }: Outcomes): Outcomes => ({
  canBeTrue: canBeFalse,
  canBeFalse: canBeTrue,
  canBeUnknown,
})

function allOf(operands: readonly unknown[]): Outcomes {
  const each = operands.map(outcomesOf)
  return {
    canBeTrue: each.every((one) => one.canBeTrue) && !contradict(operands),
    canBeFalse: each.some((one) => one.canBeFalse),
    canBeUnknown:
      each.some((one) => one.canBeUnknown) && each.every((one) => one.canBeTrue || one.canBeUnknown),
  }
}

const noRoots = { resolve: () => null, names: () => [] }

function outcomesOfConstant(logic: unknown): Outcomes {
  const compiled = compileLogic(logic, noRoots)
  if (!compiled.ok) return anything
  const verdict = truth(compiled.value.run(undefined))
  return {
    canBeTrue: verdict === true,
    canBeFalse: verdict === false,
    canBeUnknown: verdict === UNKNOWN,
  }
}

const reads: ReadonlySet<string> = new Set(['var', 'root', 'missing', 'missing_some'])

/** Whether it reads a variable; those of items count too, which only makes the answer more careful. */
function readsData(logic: unknown): boolean {
  if (Array.isArray(logic)) return logic.some(readsData)
  const operation = asOperation(logic)
  return operation !== null && (reads.has(operation.operator) || operation.args.some(readsData))
}

/** A literal that no ordering takes: true, null, a list. */
const hasNoOrder = (operand: unknown): boolean =>
  operand === null || typeof operand === 'boolean' || Array.isArray(operand)

/** A bound that a known-true comparison sets to a variable. */
interface Bound {
  readonly variable: string
  readonly sign: string
  readonly limit: number
}

const mirrored: Readonly<Record<string, string>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '===': '==',
}
const oppositeOf: Readonly<Record<string, string>> = { '<': '>=', '<=': '>', '>': '<=', '>=': '<' }

/** Whether the comparisons with numbers among the operands leave a variable no value at which all are true. */
function contradict(operands: readonly unknown[]): boolean {
  const ranges = new Map<string, Range>()
  for (const { variable, sign, limit } of operands.flatMap(boundsOf)) {
    const range = ranges.get(variable) ?? everything()
    ranges.set(variable, range)
    const open = sign === '<' || sign === '>'
    if (!sign.startsWith('<') && (limit > range.low || (limit === range.low && open))) {
      range.low = limit
      range.lowOpen = open
    }
    if (!sign.startsWith('>') && (limit < range.high || (limit === range.high && open))) {
      range.high = limit
      range.highOpen = open
    }
  }
  return [...ranges.values()].some(isEmpty)
}

interface Range {
  low: number
  lowOpen: boolean
  high: number
  highOpen: boolean
}

const everything = (): Range => ({
  low: Number.NEGATIVE_INFINITY,
  lowOpen: false,
  high: Number.POSITIVE_INFINITY,
  highOpen: false,
})

const isEmpty = ({ low, lowOpen, high, highOpen }: Range): boolean =>
  low > high || (low === high && (lowOpen || highOpen))

function boundsOf(logic: unknown): Bound[] {
  const operation = asOperation(logic)
  if (operation === null) return []
  const { operator, args } = operation
  if (operator === 'and') return args.flatMap(boundsOf)
  if (operator === '!') {
    const inner = asOperation(args[0])
    const opposite =
      inner !== null && Object.hasOwn(oppositeOf, inner.operator) ? oppositeOf[inner.operator] : undefined
    return inner === null || opposite === undefined || inner.args.length !== 2
      ? []
      : boundOf(opposite, inner.args[0], inner.args[1])
  }
  if (!Object.hasOwn(mirrored, operator)) return []
  const [a, b, c] = args
  return args.length === 3
    ? [...boundOf(operator, a, b), ...boundOf(operator, b, c)]
    : boundOf(operator, a, b)
}

function boundOf(operator: string, a: unknown, b: unknown): Bound[] {
  const sign = operator === '===' ? '==' : operator
  const left = plainVariable(a)
  if (left !== null && typeof b === 'number') return [{ variable: left, sign, limit: b }]
  const right = plainVariable(b)
  if (right !== null && typeof a === 'number') return [{ variable: right, sign: mirrored[sign]!, limit: a }]
  return []
}

function plainVariable(logic: unknown): string | null {
  const operation = asOperation(logic)
  if (operation?.operator !== 'var' || operation.args.length !== 1) return null
  const [path] = operation.args
  return typeof path === 'string' ? path : null
}
