/** Variable paths: how they are written (`payload.list.0`, a dot in a name as `\.`) and walked, own properties only. */

/** Names that are never read, not even when a payload has them. */
const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype'])

export function isForbidden(name: string): boolean {
  return forbidden.has(name)
}

/** Splits at dots; `\.` and `\\` stand for a dot and a backslash inside a name. */
export function splitPath(path: string): string[] {
  if (!path.includes('\\')) return path.split('.')
  const parts: string[] = []
  let part = ''
  for (let i = 0; i < path.length; i++) {
    const char = path[i]
    const next = path[i + 1]
    if (char === '\\' && (next === '.' || next === '\\')) {
      part += next
      i++
    } else if (char === '.') {
      parts.push(part)
      part = ''
    } else part += char
  }
  parts.push(part)
  return parts
}

export function joinPath(parts: readonly string[]): string {
  return parts.map((part) => part.replace(/[\\.]/g, '\\$&')).join('.')
}

/**
 * One step: an own property of an object, an index or `length` of a list or text, `length` of bytes.
 * Anything else, and every forbidden name, is undefined.
 */
export function step(data: unknown, key: string): unknown {
  if (typeof data === 'object') {
    if (data === null) return undefined
    if (Object.hasOwn(data, key))
      return forbidden.has(key) ? undefined : (data as Record<string, unknown>)[key]
    return key === 'length' && data instanceof Uint8Array ? data.length : undefined
  }
  if (typeof data === 'string' && Object.hasOwn(Object(data), key)) {
    return key === 'length' ? data.length : data[Number(key)]
  }
  return undefined
}

/** Names that values inherit from JavaScript; asked for, they go through `step`, which looks at own properties only. */
const inherited: ReadonlySet<string> = new Set(
  [Object, Array, String, Number, Boolean, Uint8Array, Object.getPrototypeOf(Uint8Array)].flatMap((each) =>
    Object.getOwnPropertyNames(each.prototype),
  ),
)

/**
 * `step` for a name known beforehand. Plain data inherits nothing but the names above, so for any other name
 * a plain read finds own properties only, and takes a third of the time.
 */
export function stepper(key: string): (data: unknown) => unknown {
  if (inherited.has(key)) return (data) => step(data, key)
  return (data) => (data === null || data === undefined ? undefined : (data as Record<string, unknown>)[key])
}

export function walk(data: unknown, keys: readonly string[], from = 0): unknown {
  let current = data
  for (let i = from; i < keys.length && current !== undefined; i++) current = step(current, keys[i]!)
  return current
}
