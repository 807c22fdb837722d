/** Operators on lists: map filter reduce all some none merge in. A list that is none is unknown. */
import type { Build } from '../call.ts'
import { isTruthy, UNKNOWN } from '../unknown.ts'
import { ReducePair } from './variables.ts'

export const some: Build = (call) => {
  const { work } = call
  const list = call.part(0).evaluate
  const { evaluate: test, size } = call.part(1, 'item')
  return (scope, item) => {
    const items = list(scope, item)
    if (!Array.isArray(items)) return UNKNOWN
    let sawUnknown = false
    for (let i = 0; i < items.length; i++) {
      work.charge(size)
      const verdict = test(scope, items[i])
      if (verdict === UNKNOWN) sawUnknown = true
      else if (verdict !== false && isTruthy(verdict)) return true
    }
    return sawUnknown ? UNKNOWN : false
  }
}

export const none: Build = (call) => {
  const any = some(call)
  return (scope, item) => {
    const verdict = any(scope, item)
    return verdict === UNKNOWN ? UNKNOWN : !verdict
  }
}

/** All of no items is false, as json-logic-js has it. */
export const all: Build = (call) => {
  const { work } = call
  const list = call.part(0).evaluate
  const { evaluate: test, size } = call.part(1, 'item')
  return (scope, item) => {
    const items = list(scope, item)
    if (!Array.isArray(items)) return UNKNOWN
    let sawUnknown = false
    for (let i = 0; i < items.length; i++) {
      work.charge(size)
      const verdict = test(scope, items[i])
      if (verdict === UNKNOWN) sawUnknown = true
      else if (verdict !== true && !isTruthy(verdict)) return false
    }
    return sawUnknown ? UNKNOWN : items.length > 0
  }
}

/** One unknown verdict leaves the list unknown: nobody knows whether the item belongs. */
export const filter: Build = (call) => {
  const { work } = call
  const list = call.part(0).evaluate
  const { evaluate: test, size } = call.part(1, 'item')
  return (scope, item) => {
    const items = list(scope, item)
    if (!Array.isArray(items)) return UNKNOWN
    const kept: unknown[] = []
    for (let i = 0; i < items.length; i++) {
      work.charge(size)
      const verdict = test(scope, items[i])
      if (verdict === UNKNOWN) return UNKNOWN
      if (isTruthy(verdict)) kept.push(items[i])
    }
    return kept
  }
}

export const map: Build = (call) => {
  const { work } = call
  const list = call.part(0).evaluate
  const { evaluate: compute, size } = call.part(1, 'item')
  return (scope, item) => {
    const items = list(scope, item)
    if (!Array.isArray(items)) return UNKNOWN
    const results: unknown[] = []
    for (let i = 0; i < items.length; i++) {
      work.charge(size)
      const result = compute(scope, items[i])
      if (result === UNKNOWN) return UNKNOWN
      results.push(result)
    }
    return results
  }
}

export const reduce: Build = (call) => {
  const { work } = call
  const list = call.part(0).evaluate
  const { evaluate: compute, size } = call.part(1, 'reduce')
  const initial = call.count > 2 ? call.part(2).evaluate : () => null
  return (scope, item) => {
    const items = list(scope, item)
    const first = initial(scope, item)
    if (!Array.isArray(items) || first === UNKNOWN) return UNKNOWN
    const pair = new ReducePair(first)
    for (let i = 0; i < items.length; i++) {
      work.charge(size)
      pair.current = items[i]
      pair.accumulator = compute(scope, pair)
      if (pair.accumulator === UNKNOWN) return UNKNOWN
    }
    return pair.accumulator
  }
}

export const merge: Build = (call) => {
  const { work } = call
  const parts = call.parts().map((part) => part.evaluate)
  return (scope, item) => {
    const merged: unknown[] = []
    for (let i = 0; i < parts.length; i++) {
      const value = parts[i]!(scope, item)
      if (value === UNKNOWN) return UNKNOWN
      if (!Array.isArray(value)) merged.push(value)
      else {
        work.charge(value.length)
        for (const each of value) merged.push(each)
      }
    }
    return merged
  }
}

/** An item of a list (`===`), or a part of a text; what is neither list nor text holds nothing anybody knows of. */
export const within: Build = (call) => {
  const { work } = call
  const needle = call.part(0).evaluate
  const haystack = call.part(1).evaluate
  return (scope, item) => {
    const wanted = needle(scope, item)
    const where = haystack(scope, item)
    if (wanted === UNKNOWN) return UNKNOWN
    if (Array.isArray(where)) {
      work.charge(where.length)
      return where.indexOf(wanted) !== -1
    }
    if (typeof where !== 'string' || (typeof wanted !== 'string' && typeof wanted !== 'number'))
      return UNKNOWN
    work.chargeText(where.length)
    return where !== '' && where.includes(String(wanted))
  }
}
