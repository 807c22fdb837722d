/** A decimal number written as text, as simple sensors send it: `36.2`, ` -4 `, `1e3`. */
import type { Decoded } from '../../ports/decoder.ts'
import { excerpt, fail } from './failure.ts'

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/

/** Space around it is ignored. Hexadecimal, units, thousands separators and decimal commas are not numbers. */
export function parseNumber(text: string): Decoded {
  const trimmed = text.trim()
  if (decimal.test(trimmed)) {
    const value = Number(trimmed)
    if (Number.isFinite(value)) return { ok: true, value }
    return fail('not-finite', `${excerpt(trimmed)} is too large to compute with (above 1.8e308)`)
  }
  if (/^[+-]?(?:nan|inf|infinity)$/i.test(trimmed)) {
    return fail('not-finite', `${excerpt(trimmed)} is not a number that can be compared`)
  }
  return fail('syntax', `${excerpt(trimmed)} is not a number: ${advice(trimmed)}`)
}

function advice(text: string): string {
  if (text === '') return 'the payload is only space'
  if (/^[+-]?\d+,\d+$/.test(text)) return 'use a point, not a comma'
  if (/^[+-]?[\d.]+ ?[^\d\s.,]{1,8}$/.test(text)) return 'send it without a unit, or use decode: text'
  if (/^[{["]/.test(text)) return 'it looks like JSON, use decode: json'
  return 'write digits, such as 36.2'
}
