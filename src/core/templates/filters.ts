/**
 * The filters of a template: the list of what is allowed, each with its arguments. A missing input or argument
 * makes the result missing (only `default` and `json` take one), so that no filter invents a value.
 */
import { filters as borrowed, Drop, toValue } from 'liquidjs'
import { dateText, readInstant } from './date-text.ts'
import { durationText } from './duration-text.ts'
import type { Run } from './run.ts'
import { RenderStop } from './template.ts'
import { asNumber, isMissing, readPath, toJson, toText } from './values.ts'

/** What an argument or input is turned into; what cannot be turned is missing. */
type Kind = 'any' | 'text' | 'number' | 'list'

export interface FilterSpec {
  readonly input: Kind
  /** The kinds of the positional arguments; those from `required` on may be left out. */
  readonly args: readonly Kind[]
  readonly required: number
  readonly named?: readonly string[]
  readonly takesMissing?: true
  // biome-ignore lint/suspicious/noExplicitAny: the kinds above say what each filter is given.
  readonly run: (this: FilterThis, input: any, ...args: any[]) => unknown
}

interface FilterThis {
  readonly run: Run
  readonly named: ReadonlyMap<string, unknown>
  /** What LiquidJS's own filters look for. */
  readonly context: { readonly memoryLimit: { use(amount: number): void }; readonly ownPropertyOnly: true }
}

// biome-ignore lint/suspicious/noExplicitAny: as in FilterSpec.
type ListFilter = (this: FilterThis, items: any, ...args: any[]) => unknown

function text(name: string, args: readonly Kind[] = [], required = args.length): FilterSpec {
  const filter = borrowed[name]
  if (typeof filter !== 'function') throw new Error(`LiquidJS has no filter ${name}`)
  return { input: 'text', args, required, run: filter as unknown as FilterSpec['run'] }
}

function math(args: number, run: (...numbers: number[]) => number): FilterSpec {
  return { input: 'number', args: Array.from({ length: args }, () => 'number' as const), required: args, run }
}

function list(args: readonly Kind[], run: ListFilter, required = args.length): FilterSpec {
  return { input: 'list', args, required, run }
}

const split = (path: string): string[] => path.split('.')

/** `where: 'a.b'` asks for what is true, `where: 'a.b', value` for what is equal; nil is equal to missing. */
function matcher(path: string, expected: unknown[]): (item: unknown) => boolean {
  const keys = split(path)
  if (expected.length === 0) {
    return (item) => {
      const value = readPath(item, keys)
      return !isMissing(value) && value !== false
    }
  }
  const wanted = expected[0] ?? null
  return (item) => (readPath(item, keys) ?? null) === wanted
}

function property(item: unknown, path: string | undefined): unknown {
  return path === undefined ? item : (readPath(item, split(path)) ?? null)
}

const rank = (value: unknown): number =>
  isMissing(value)
    ? 3
    : typeof value === 'number' || typeof value === 'bigint'
      ? 0
      : typeof value === 'string'
        ? 1
        : 2

/** Numbers, then strings, then the rest as it stands, missing last: an order whatever the list holds. */
function compare(left: unknown, right: unknown): number {
  const difference = rank(left) - rank(right)
  if (difference !== 0 || rank(left) > 1) return difference
  const [a, b] = [left as string, right as string]
  return a < b ? -1 : a > b ? 1 : 0
}

function sortBy(items: readonly unknown[], key: (item: unknown) => unknown): unknown[] {
  return items
    .map((item) => ({ item, key: key(item) }))
    .sort((a, b) => compare(a.key, b.key))
    .map(({ item }) => item)
}

function round(value: number, digits = 0): number {
  const shift = (number: number, by: number): number => {
    const [mantissa, exponent = '0'] = String(number).split('e')
    return Number(`${mantissa}e${Number(exponent) + by}`)
  }
  const places = Math.trunc(digits)
  const scaled = shift(Math.abs(value), places)
  if (!(scaled <= Number.MAX_SAFE_INTEGER)) return value
  return Math.sign(value) * shift(Math.round(scaled), -places)
}

export const filterSpecs: Readonly<Record<string, FilterSpec>> = {
  default: {
    input: 'any',
    args: ['any'],
    required: 1,
    named: ['allow_false'],
    takesMissing: true,
    run(value, otherwise) {
      if (value === false) return this.named.get('allow_false') === true ? false : otherwise
      const empty = isMissing(value) || value === '' || (Array.isArray(value) && value.length === 0)
      return empty ? otherwise : value
    },
  },
  json: {
    input: 'any',
    args: ['number'],
    required: 0,
    takesMissing: true,
    run: (value, indent = 0) => toJson(isMissing(value) ? null : value, indent),
  },

  abs: math(0, Math.abs),
  at_least: math(1, (a, b) => Math.max(a!, b!)),
  at_most: math(1, (a, b) => Math.min(a!, b!)),
  ceil: math(0, Math.ceil),
  floor: math(0, Math.floor),
  plus: math(1, (a, b) => a! + b!),
  minus: math(1, (a, b) => a! - b!),
  times: math(1, (a, b) => a! * b!),
  divided_by: math(1, (a, b) => a! / b!),
  modulo: math(1, (a, b) => ((a! % b!) + b!) % b!),
  round: { input: 'number', args: ['number'], required: 0, run: round },
  duration: { input: 'number', args: [], required: 0, run: durationText },
  date: {
    input: 'any',
    args: ['text', 'text'],
    required: 0,
    run(value, format = '%Y-%m-%d %H:%M', givenZone?: string) {
      const zone = givenZone ?? this.run.zone
      const instantMs = readInstant(value, zone)
      return instantMs === undefined ? undefined : dateText(instantMs, format, zone)
    },
  },

  append: text('append', ['text']),
  prepend: text('prepend', ['text']),
  downcase: text('downcase'),
  upcase: text('upcase'),
  capitalize: text('capitalize'),
  strip: text('strip', ['text'], 0),
  lstrip: text('lstrip', ['text'], 0),
  rstrip: text('rstrip', ['text'], 0),
  strip_newlines: text('strip_newlines'),
  squish: text('squish'),
  remove: text('remove', ['text']),
  remove_first: text('remove_first', ['text']),
  remove_last: text('remove_last', ['text']),
  replace: text('replace', ['text', 'text']),
  replace_first: text('replace_first', ['text', 'text']),
  replace_last: text('replace_last', ['text', 'text']),
  split: text('split', ['text']),
  truncate: text('truncate', ['number', 'text'], 0),
  truncatewords: {
    input: 'text',
    args: ['number', 'text'],
    required: 0,
    // LiquidJS's own puts the dots also behind a text that is just long enough.
    run(whole: string, count = 15, dots = '...') {
      const words = whole.trim().split(/\s+/)
      return words.length <= count ? whole : words.slice(0, Math.max(1, count)).join(' ') + dots
    },
  },
  slugify: text('slugify', ['text'], 0),
  escape: text('escape'),
  url_encode: text('url_encode'),
  url_decode: text('url_decode'),
  base64_encode: text('base64_encode'),
  base64_decode: text('base64_decode'),

  size: {
    input: 'any',
    args: [],
    required: 0,
    run: (value) => (typeof value === 'object' ? readPath(value, ['size']) : toText(value).length),
  },
  slice: {
    input: 'any',
    args: ['number', 'number'],
    required: 1,
    run(value, begin, length = 1) {
      const whole: string | unknown[] = Array.isArray(value) ? value : toText(value)
      const start = begin < 0 ? whole.length + begin : begin
      return start < 0 || length < 0 ? whole.slice(0, 0) : whole.slice(start, start + length)
    },
  },
  first: list([], (items) => items[0]),
  last: list([], (items) => items.at(-1)),
  join: list(
    ['text'],
    function (items, separator = ' ') {
      // Where a missing value stops the rendering, one inside the list does too.
      if (this.run.insertion.onMissing === 'stop' && items.some(isMissing)) return undefined
      this.run.charge(separator.length * items.length)
      return items.map((item: unknown) => (isMissing(item) ? '?' : toText(item))).join(separator)
    },
    0,
  ),
  reverse: list([], (items) => items.toReversed()),
  sort: list(['text'], (items, path) => sortBy(items, (item) => property(item, path)), 0),
  sort_natural: list(
    ['text'],
    (items, path) =>
      sortBy(items, (item) => {
        const value = property(item, path)
        return typeof value === 'string' ? value.toLowerCase() : value
      }),
    0,
  ),
  map: list(['text'], (items, path) => items.map((item: unknown) => property(item, path))),
  where: list(['text', 'any'], (items, path, ...wanted) => items.filter(matcher(path, wanted)), 1),
  reject: list(
    ['text', 'any'],
    (items, path, ...wanted) => {
      const matches = matcher(path, wanted)
      return items.filter((item: unknown) => !matches(item))
    },
    1,
  ),
  find: list(['text', 'any'], (items, path, ...wanted) => items.find(matcher(path, wanted)), 1),
  has: list(['text', 'any'], (items, path, ...wanted) => items.some(matcher(path, wanted)), 1),
  group_by: list(['text'], (items: unknown[], path) => {
    const groups = Map.groupBy(items, (item) => property(item, path))
    return [...groups].map(([name, members]) => ({ name, items: members }))
  }),
  sum: list(
    ['text'],
    (items: unknown[], path) =>
      items.reduce((total: number, item) => total + (asNumber(property(item, path)) ?? 0), 0),
    0,
  ),
  compact: list([], (items) => items.filter((item: unknown) => !isMissing(item))),
  uniq: list([], (items) => [...new Set(items)]),
  concat: list(['list'], (items, more) => items.concat(more)),
  push: list(['any'], (items, item) => [...items, item]),
}

export const filterNames: readonly string[] = Object.keys(filterSpecs)

function convert(value: unknown, kind: Kind, run: Run): unknown {
  if (kind === 'number') return asNumber(value)
  if (kind === 'list') return Array.isArray(value) ? value : [value]
  if (kind === 'any') return value
  const written = toText(value)
  if (typeof value === 'object') run.charge(written.length)
  return written
}

function sizeOf(value: unknown): number {
  return typeof value === 'string' || Array.isArray(value) ? value.length : 1
}

/** Applies one filter to values as LiquidJS evaluated them; `named` are its `key: value` arguments. */
export function applyFilter(
  name: string,
  run: Run,
  rawInput: unknown,
  rawArgs: readonly unknown[],
  named: ReadonlyMap<string, unknown>,
): unknown {
  const spec = filterSpecs[name]
  if (spec === undefined) throw new Error(`no filter ${name}`)
  let input = toValue(rawInput)
  if (isMissing(input)) {
    if (spec.takesMissing !== true) return undefined
  } else {
    input = convert(input, spec.input, run)
    if (isMissing(input)) return undefined
  }
  const args: unknown[] = []
  for (const [index, rawArg] of rawArgs.entries()) {
    const arg = toValue(rawArg)
    // A literal nil is meant; anything else without a value makes the result missing.
    const meant = rawArg instanceof Drop
    if (isMissing(arg) && !meant) return undefined
    args.push(isMissing(arg) ? null : convert(arg, spec.args[index] ?? 'any', run))
    if (isMissing(args[index]) && !meant) return undefined
    run.charge(sizeOf(arg))
  }
  run.charge(sizeOf(input))
  const self: FilterThis = {
    run,
    named,
    context: { memoryLimit: { use: (amount) => run.charge(amount) }, ownPropertyOnly: true },
  }
  try {
    const result = spec.run.call(self, input, ...args)
    run.charge(sizeOf(result))
    return isMissing(result) ? undefined : result
  } catch (error) {
    if (error instanceof RenderStop || error instanceof RangeError) throw error
    // LiquidJS's messages quote no values, but the filter's name says enough.
    throw new RenderStop('invalid', `the filter ${name} cannot use this value`)
  }
}
