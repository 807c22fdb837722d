/** The third value of a condition: neither true nor false, because data is missing or of the wrong type. */

export const UNKNOWN: unique symbol = Symbol('unknown')

/** Truthiness as json-logic-js has it: an empty list is falsy, "0" is truthy; unknown stays unknown. */
export function truth(value: unknown): boolean | typeof UNKNOWN {
  if (value === true) return true
  if (value === UNKNOWN) return UNKNOWN
  return isTruthy(value)
}

/** Truthiness of a value that is known not to be UNKNOWN. */
export function isTruthy(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value)
}
