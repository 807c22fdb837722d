/** JsonLogic as data: its type, its limits, the operators there are, and how a node is told from plain data. */
import type { Path } from '../problem.ts'

/** Plain JSON. An object with exactly one key is an operation; everything else stands for itself. */
export type Logic = null | boolean | number | string | readonly Logic[] | { readonly [key: string]: Logic }

/** What one condition may be at most. Passing a limit is a problem at load. */
export const logicLimits = {
  /** Characters of an expression. */
  expressionLength: 10_000,
  /** Operations and lists inside each other. */
  depth: 100,
  /** Operations, lists and literals in one condition. */
  nodes: 5_000,
  /** Characters of a regular expression. */
  patternLength: 1_000,
} as const

export interface OperatorShape {
  readonly min: number
  readonly max: number
  /** What the arguments are, for messages. */
  readonly takes: string
}

const many = Number.POSITIVE_INFINITY
const shape = (min: number, max: number, takes: string): OperatorShape => ({ min, max, takes })
const two = shape(2, 2, 'two values')
const listAndTest = shape(2, 2, 'a list and what to compute for each item')

/** Every operator of json-logic-js 2.0.5, then Tocsin's own. */
export const operators: ReadonlyMap<string, OperatorShape> = new Map(
  Object.entries({
    var: shape(0, 2, 'a path and perhaps a default'),
    missing: shape(1, many, 'paths'),
    missing_some: shape(2, 2, 'a number and a list of paths'),
    if: shape(1, many, 'conditions and values in turn'),
    '?:': shape(1, many, 'conditions and values in turn'),
    '==': two,
    '!=': two,
    '===': two,
    '!==': two,
    '!': shape(1, 1, 'one value'),
    '!!': shape(1, 1, 'one value'),
    and: shape(1, many, 'one or more values'),
    or: shape(1, many, 'one or more values'),
    '>': two,
    '>=': two,
    '<': shape(2, 3, 'two values, or three for between'),
    '<=': shape(2, 3, 'two values, or three for between'),
    max: shape(1, many, 'one or more numbers'),
    min: shape(1, many, 'one or more numbers'),
    '+': shape(1, many, 'one or more numbers'),
    '-': shape(1, 2, 'one or two numbers'),
    '*': shape(2, many, 'two or more numbers'),
    '/': shape(2, 2, 'two numbers'),
    '%': shape(2, 2, 'two numbers'),
    map: listAndTest,
    filter: listAndTest,
    all: listAndTest,
    some: listAndTest,
    none: listAndTest,
    reduce: shape(2, 3, 'a list, what to compute for each item, and a first value'),
    merge: shape(0, many, 'lists or values'),
    in: shape(2, 2, 'what to look for, and a list or text'),
    cat: shape(1, many, 'one or more values'),
    substr: shape(2, 3, 'a text, a start and perhaps a length'),
    log: shape(1, 1, 'one value'),
    '??': shape(2, many, 'two or more values'),
    number: shape(1, 1, 'one value'),
    matches: shape(2, 2, 'a text and a regular expression in quotes'),
    root: shape(1, 1, 'a path'),
  }),
)

/** An operation taken apart; a single argument may stand without its list, as in `{ "!": x }`. */
export interface Operation {
  readonly operator: string
  readonly args: readonly unknown[]
  /** The path of argument `index` inside the operation. */
  readonly at: (index: number) => Path
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
  )
}

/** The operation that `logic` is, or null when it stands for itself. */
export function asOperation(logic: unknown): Operation | null {
  if (!isPlainObject(logic)) return null
  const keys = Object.keys(logic)
  const operator = keys[0]
  if (keys.length !== 1 || operator === undefined) return null
  const given = logic[operator]
  return Array.isArray(given)
    ? { operator, args: given, at: (index) => [operator, index] }
    : { operator, args: [given], at: () => [operator] }
}

/** Operations that come from an expression remember where in the text they stood. */
const offsets = new WeakMap<object, number>()

export function rememberOffset<T extends object>(logic: T, offset: number): T {
  offsets.set(logic, offset)
  return logic
}

/** Offset in UTF-16 units in the expression that `logic` was read from, or undefined when it was written as JSON. */
export function offsetOf(logic: unknown): number | undefined {
  return typeof logic === 'object' && logic !== null ? offsets.get(logic) : undefined
}
