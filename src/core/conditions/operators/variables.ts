/** Operators that read variables: var, root, missing, missing_some. */
import type { Build, Call, Evaluate, Part } from '../call.ts'
import { closest } from '../did-you-mean.ts'
import { isForbidden, splitPath, stepper, walk } from '../path.ts'
import { UNKNOWN } from '../unknown.ts'
import { toNumber } from '../values.ts'

/** Reads one static path; undefined when missing. Null after a problem was noted. */
function reader<S>(
  call: Call<S>,
  written: string,
  fromRoots: boolean,
  argument: number,
): ((scope: S, item: unknown) => unknown) | null {
  const keys = written === '' ? [] : splitPath(written)
  const forbidden = keys.find(isForbidden)
  if (forbidden !== undefined) {
    call.refuse({ code: 'expr-unknown-variable', message: `“${forbidden}” can never be read`, argument })
    return null
  }
  if (fromRoots) return rootReader(call, keys, written, argument)
  if (call.frame === 'reduce') {
    const first = keys[0]
    if (first !== undefined && first !== 'current' && first !== 'accumulator') {
      call.refuse({
        code: 'expr-unknown-variable',
        message: `Inside reduce there is no variable “${first}”`,
        help: reduceHelp(keys),
        argument,
      })
      return null
    }
  }
  return itemReader(keys)
}

function reduceHelp(keys: readonly string[]): string {
  const near = closest(keys[0] ?? '', ['current', 'accumulator'])
  if (near !== null) return `Did you mean “${near}”?`
  return 'Use current (the item), accumulator (the result so far), or { "root": … } for a variable of the rule.'
}

function rootReader<S>(call: Call<S>, keys: readonly string[], written: string, argument: number) {
  const name = keys[0] ?? ''
  const access = call.roots.resolve(name)
  if (access === null) {
    const names = call.roots.names()
    const near = closest(name, names)
    // Most who name something unknown mean a part of the message.
    const meant = [
      ...(near === null ? [] : [`“${near}${written.slice(name.length)}”`]),
      ...(name !== '' && near !== 'payload' && names.includes('payload') ? [`“payload.${written}”`] : []),
    ]
    call.refuse({
      code: 'expr-unknown-variable',
      message: name === '' ? 'A variable needs a name' : `There is no variable “${name}” here`,
      help:
        (meant.length > 0 ? `Did you mean ${meant.join(' or ')}?` : '') +
        (near === null ? `${meant.length > 0 ? ' ' : ''}The variables are: ${names.join(', ')}.` : ''),
      argument,
    })
    return null
  }
  call.use(keys)
  const [a, b, c, ...more] = keys.slice(1).map(stepper)
  if (a === undefined) return access
  if (b === undefined) return (scope: S) => a(access(scope))
  if (c === undefined) return (scope: S) => b(a(access(scope)))
  if (more.length === 0) return (scope: S) => c(b(a(access(scope))))
  return (scope: S) => walk(access(scope), keys, 1)
}

function itemReader(keys: readonly string[]): (scope: unknown, item: unknown) => unknown {
  const [a, b] = keys.map(stepper)
  // The pair of `reduce` is one object that changes; who asks for all of it gets a copy.
  if (a === undefined) return (_scope, item) => (item instanceof ReducePair ? { ...item } : item)
  if (b === undefined) return (_scope, item) => a(item)
  if (keys.length === 2) return (_scope, item) => b(a(item))
  return (_scope, item) => walk(item, keys)
}

/** What `var` sees inside `reduce`. */
export class ReducePair {
  current: unknown
  accumulator: unknown

  constructor(accumulator: unknown) {
    this.current = undefined
    this.accumulator = accumulator
  }
}

/** Reads paths that are only known when they are evaluated. */
function dynamicReader<S>(call: Call<S>): (scope: S, item: unknown, written: string) => unknown {
  if (call.frame !== 'roots') {
    return (_scope, item, written) => {
      if (written === '') return item instanceof ReducePair ? { ...item } : item
      return walk(item, splitPath(written))
    }
  }
  call.use([])
  const accessors = new Map(['', ...call.roots.names()].map((name) => [name, call.roots.resolve(name)]))
  return (scope, _item, written) => {
    const keys = splitPath(written)
    const access = accessors.get(keys[0] ?? '')
    return access ? walk(access(scope), keys, 1) : undefined
  }
}

/** The path a value stands for, or null when it cannot be one. */
function asPath(value: unknown): string | null {
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  return value === null ? '' : null
}

export const variable: Build = (call) => {
  const written = call.count === 0 ? '' : call.raw(0)
  const fallback = call.count > 1 ? call.part(1) : null
  if (typeof written === 'object' && written !== null) return dynamicVariable(call, fallback)
  const path = asPath(written)
  if (path === null) {
    return call.refuse({
      code: 'expr-arguments',
      message: 'A variable is named by a text or a number',
      argument: 0,
    })
  }
  const read = reader(call, path, call.frame === 'roots', 0)
  if (read === null) return () => UNKNOWN
  return orElse(read, fallback)
}

function orElse<S>(read: Evaluate<S>, fallback: Part<S> | null): Evaluate<S> {
  if (fallback === null) {
    return (scope, item) => {
      const value = read(scope, item)
      return value === undefined ? UNKNOWN : value
    }
  }
  const otherwise = fallback.evaluate
  return (scope, item) => {
    const value = read(scope, item)
    return value === undefined ? otherwise(scope, item) : value
  }
}

function dynamicVariable<S>(call: Call<S>, fallback: Part<S> | null): Evaluate<S> {
  const path = call.part(0).evaluate
  const read = dynamicReader(call)
  return orElse((scope, item) => {
    const written = path(scope, item)
    const text = asPath(written)
    return text === null ? UNKNOWN : read(scope, item, text)
  }, fallback)
}

/** Tocsin's own: a variable of the rule, also from inside operators on lists, where `var` is the item's. */
export const root: Build = (call) => {
  const written = call.raw(0)
  if (typeof written !== 'string') {
    return call.refuse({
      code: 'expr-arguments',
      message: 'root takes the path of a variable as text',
      argument: 0,
    })
  }
  const read = reader(call, written, true, 0)
  if (read === null) return () => UNKNOWN
  return orElse(read, null)
}

type Present<S> = (scope: S, item: unknown) => boolean

const isPresent = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== '' && value !== UNKNOWN

/** Looks up which of a list of paths are missing: undefined, null or "", as json-logic-js has it. */
function missingOf<S>(
  call: Call<S>,
  keys: readonly unknown[],
  argument: (index: number) => number,
): Evaluate<S> {
  const wanted: { key: unknown; present: Present<S> }[] = []
  keys.forEach((key, index) => {
    const path = asPath(key)
    if (path === null || path === '') {
      call.refuse({
        code: 'expr-arguments',
        message: `${call.operator} takes the paths of variables as text`,
        help: 'Put the path in quotes, such as missing("payload.temperature").',
        argument: argument(index),
      })
      return
    }
    const read = reader(call, path, call.frame === 'roots', argument(index))
    if (read !== null) wanted.push({ key, present: (scope, item) => isPresent(read(scope, item)) })
  })
  return (scope, item) => {
    const absent: unknown[] = []
    for (const { key, present } of wanted) if (!present(scope, item)) absent.push(key)
    return absent
  }
}

function missingOfDynamic<S>(call: Call<S>, list: Evaluate<S>): Evaluate<S> {
  const read = dynamicReader(call)
  return (scope, item) => {
    const keys = list(scope, item)
    if (!Array.isArray(keys)) return UNKNOWN
    call.work.charge(keys.length)
    const absent: unknown[] = []
    for (const key of keys) {
      const path = asPath(key)
      if (path === null) return UNKNOWN
      if (!isPresent(read(scope, item, path))) absent.push(key)
    }
    return absent
  }
}

const isLiteral = (value: unknown): boolean => typeof value !== 'object' || value === null

export const missing: Build = (call) => {
  const first = call.raw(0)
  if (Array.isArray(first) && first.every(isLiteral)) return missingOf(call, first, () => 0)
  const raws = Array.from({ length: call.count }, (_, index) => call.raw(index))
  if (raws.every(isLiteral)) return missingOf(call, raws, (index) => index)
  const parts = call.parts()
  return missingOfDynamic(call, (scope, item) => {
    const keys: unknown[] = []
    for (let i = 0; i < parts.length; i++) {
      const key = parts[i]!.evaluate(scope, item)
      if (key === UNKNOWN) return UNKNOWN
      if (i === 0 && Array.isArray(key)) return key
      keys.push(key)
    }
    return keys
  })
}

export const missingSome: Build = (call) => {
  const needed = call.part(0).evaluate
  const options = call.raw(1)
  const isStatic = Array.isArray(options) && options.every(isLiteral)
  if (!isStatic && isLiteral(options)) {
    return call.refuse({
      code: 'expr-arguments',
      message: 'missing_some takes a list of paths',
      help: 'Write missing_some(1, ["payload.a", "payload.b"]).',
      argument: 1,
    })
  }
  const list = isStatic ? null : call.part(1).evaluate
  const keys = list === null ? () => options : list
  const absentOf = isStatic ? missingOf(call, options, () => 1) : missingOfDynamic(call, keys)
  return (scope, item) => {
    const least = toNumber(needed(scope, item))
    const absent = absentOf(scope, item)
    const all = keys(scope, item)
    if (Number.isNaN(least) || !Array.isArray(absent) || !Array.isArray(all)) return UNKNOWN
    return all.length - absent.length >= least ? [] : absent
  }
}
