/** What values mean to operators: numbers, texts, order and equality. Nothing here calls into a payload or throws. */
import { UNKNOWN } from './unknown.ts'
import type { Work } from './work.ts'

/**
 * The number that a finite number or a decimal string is, else NaN.
 * Decimal: an optional sign, digits with at most one point, an optional exponent, spaces around it.
 * So not "", "12abc", "0x10", "Infinity", true, null, lists.
 */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value - value === 0 ? value : Number.NaN
  return typeof value === 'string' ? decimal(value) : Number.NaN
}

/** Longest text that is tried as a number: no decimal anybody means is longer. */
const decimalLength = 64

function decimal(text: string): number {
  if (text.length > decimalLength) return Number.NaN
  const number = Number(text)
  if (number - number !== 0) return Number.NaN
  // Number() also reads "" and blanks as 0, and 0x, 0o, 0b literals.
  if (number === 0 && text.trim() === '') return Number.NaN
  return /[xob]/i.test(text) ? Number.NaN : number
}

/** Negative, zero or positive as `a` is below, equal to or above `b`; NaN when they have no order. */
export function order(a: unknown, b: unknown): number {
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0
  return toNumber(a) - toNumber(b)
}

/** Lists inside lists that have a text. */
const textDepth = 32

/**
 * The text JavaScript gives a value (null is empty, lists are joined with commas, an object is "[object Object]"),
 * or UNKNOWN for an object that brings its own `toString` or `valueOf`, which is never called.
 */
export function textOf(value: unknown, work: Work, depth = 0): string | typeof UNKNOWN {
  if (typeof value === 'string') return value
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') return UNKNOWN
  if (value instanceof Uint8Array) {
    work.charge(value.length)
    return value.join(',')
  }
  if (!Array.isArray(value)) {
    return Object.hasOwn(value, 'toString') || Object.hasOwn(value, 'valueOf') ? UNKNOWN : '[object Object]'
  }
  if (depth >= textDepth) return UNKNOWN
  work.charge(value.length)
  let text = ''
  for (let i = 0; i < value.length; i++) {
    const part = textOf(value[i], work, depth + 1)
    if (part === UNKNOWN) return UNKNOWN
    text = i === 0 ? part : `${text},${part}`
    work.chargeText(part.length)
  }
  return text
}

/** JavaScript's `==` for plain data, without calling `toString` or `valueOf` of the data. */
export function looselyEqual(a: unknown, b: unknown, work: Work): boolean | typeof UNKNOWN {
  if (typeof a === typeof b || a === null || b === null) {
    // biome-ignore lint/suspicious/noDoubleEquals: null == null and equal types are what is asked.
    return a == b
  }
  if (typeof a === 'object') return equalsText(a, b, work)
  if (typeof b === 'object') return equalsText(b, a, work)
  // biome-ignore lint/suspicious/noDoubleEquals: two primitives compare as json-logic-js has it.
  return a == b
}

function equalsText(object: unknown, primitive: unknown, work: Work): boolean | typeof UNKNOWN {
  const text = textOf(object, work)
  // biome-ignore lint/suspicious/noDoubleEquals: as JavaScript compares the text of an object with a primitive.
  return text === UNKNOWN ? UNKNOWN : text == primitive
}
