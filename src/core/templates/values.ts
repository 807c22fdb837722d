/** How templates read plain data: own properties only, one notion of "missing", one text for every value. */

/** A property of plain data, or undefined. `size`, `first` and `last` answer where the data has no such key. */
export function readProperty(value: unknown, key: string | number): unknown {
  if (value === null || value === undefined) return undefined
  if (typeof value === 'string') {
    if (key === 'size') return value.length
    return typeof key === 'number' ? value.at(key) : undefined
  }
  if (typeof value !== 'object') return undefined
  if (Array.isArray(value) && typeof key === 'number') return value.at(key)
  if (Object.hasOwn(value, key)) return (value as Record<string | number, unknown>)[key]
  if (key === 'size') return Array.isArray(value) ? value.length : Object.keys(value).length
  if (Array.isArray(value)) {
    if (key === 'first') return value[0]
    if (key === 'last') return value.at(-1)
  }
  return undefined
}

export function readPath(value: unknown, path: readonly (string | number)[]): unknown {
  let found = value
  for (const key of path) {
    if (found === null || found === undefined) return undefined
    found = readProperty(found, key)
  }
  return found
}

/** Null counts as missing, and so does a number that JSON cannot say. */
export function isMissing(value: unknown): value is null | undefined {
  return value === null || value === undefined || (typeof value === 'number' && !Number.isFinite(value))
}

/** A finite number, or a string that is written as a decimal number; else undefined. */
export function asNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'bigint') return Number(value)
  if (typeof value !== 'string' || !/^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/.test(value))
    return undefined
  const number = Number(value)
  return Number.isFinite(number) ? number : undefined
}

/** The text of a value that is not missing: numbers as JSON, lists and objects as compact JSON. */
export function toText(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value
    case 'number':
      return value === 0 ? '0' : String(value)
    case 'boolean':
    case 'bigint':
      return String(value)
    case 'object':
      if (value === null) return 'null'
      if (value instanceof Uint8Array) return bytesText(value)
      if (value instanceof Date) return isMissing(value.getTime()) ? '' : value.toISOString()
      return toJson(value)
    default:
      return ''
  }
}

/** JSON of any decoded payload: bytes become `<n bytes>` and large integers their digits. */
export function toJson(value: unknown, indent = 0): string {
  return JSON.stringify(value, plainForJson, indent) ?? 'null'
}

// Buffer has a toJSON of its own, which runs before the replacer: the value is looked up in its holder.
function plainForJson(this: unknown, key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (typeof value !== 'object' || value === null) return value
  const original = (this as Record<string, unknown>)[key]
  return original instanceof Uint8Array ? bytesText(original) : value
}

function bytesText(bytes: Uint8Array): string {
  return `<${bytes.length} ${bytes.length === 1 ? 'byte' : 'bytes'}>`
}
