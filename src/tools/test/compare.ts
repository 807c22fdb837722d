/** Compares what was expected with what happened: fields that are not named are free, texts may be patterns. */
import type { LogEffect } from '../../core/effect.ts'
import { jsonText } from '../../core/json-text.ts'
import { parsePattern } from './patterns.ts'
import type { Expectations, ExpectedLists } from './test-schema.ts'
import type { Happened, KeyState, OpenAlert, Published } from './virtual-world.ts'

export type ListName = keyof ExpectedLists

/** One thing of a list, as people see it, and whether an expected item fits it. */
export interface Item {
  /** What happened, in the form in which it would be expected. */
  readonly shown: Readonly<Record<string, unknown>>
  readonly fits: (expected: Readonly<Record<string, unknown>>) => boolean
}

export type Lists = Readonly<Record<ListName, readonly Item[]>>

export interface Mismatch {
  readonly list: ListName
  /** Where: below `expect`. */
  readonly path: readonly string[]
  readonly inclusion: boolean
  readonly expected: readonly Readonly<Record<string, unknown>>[]
  readonly happened: readonly Item[]
  /** Indexes of expected items that nothing fits, and of things that happened unexpectedly. */
  readonly missing: ReadonlySet<number>
  readonly unexpected: ReadonlySet<number>
  /** The list of another action that has what is missing; null when none has. */
  readonly elsewhere: ListName | null
}

export function listsOf(
  happened: Happened,
  states: readonly KeyState[],
  alerts: readonly OpenAlert[],
): Lists {
  const state = ({ rule, key, state: phase, episode }: KeyState) =>
    plain({ rule, key, state: phase, episode })
  return {
    publish: happened.publish.map(publishedItem),
    respond: happened.respond.map(publishedItem),
    forward: happened.forward.map(publishedItem),
    command: happened.command.map(publishedItem),
    log: happened.log.map(logItem),
    notify: happened.notify.map((told) => plain({ ...told })),
    alerts: alerts.map(alertItem),
    states: states.map(state),
    transitions: happened.transitions.map(({ rule, key, from, to, because }) =>
      plain({ rule, key, from, to, ...(because === undefined ? {} : { because }) }),
    ),
    dead_letters: happened.deadLetters.map(({ topic, reason, message, rules }) =>
      plain({ topic, reason, message, rules }),
    ),
    notices: happened.notices.map(({ kind, rule, message }) => plain({ kind, rule, message })),
  }
}

export function mismatches(expected: Expectations, lists: Lists): Mismatch[] {
  const found: Mismatch[] = []
  const { some, ...exact } = expected
  for (const name of Object.keys(exact).filter(isListName)) {
    const mismatch = compareExactly(name, exact[name] ?? [], lists[name])
    if (mismatch !== null) found.push({ ...mismatch, elsewhere: whereElse(mismatch, lists) })
  }
  for (const name of Object.keys(some ?? {}).filter(isListName)) {
    const mismatch = compareSome(name, some?.[name] ?? [], lists[name])
    if (mismatch !== null) found.push({ ...mismatch, elsewhere: whereElse(mismatch, lists) })
  }
  return found
}

/** Actions whose messages look alike on the wire. */
const senders: readonly ListName[] = ['publish', 'respond', 'forward', 'command']

function whereElse({ list, expected, missing }: Found, lists: Lists): ListName | null {
  if (!senders.includes(list)) return null
  const first = expected.find((_, index) => missing.has(index))
  // Without a topic it could be anything.
  if (first === undefined || first.topic === undefined) return null
  return senders.find((one) => one !== list && lists[one].some((item) => item.fits(first))) ?? null
}

type Found = Omit<Mismatch, 'elsewhere'>

const listNames: readonly string[] = [
  'publish',
  'respond',
  'forward',
  'command',
  'log',
  'notify',
  'alerts',
  'states',
  'transitions',
  'dead_letters',
  'notices',
]

function isListName(name: string): name is ListName {
  return listNames.includes(name)
}

/** What stands now has no order of its own; what happened has. */
const unordered: ReadonlySet<ListName> = new Set(['alerts', 'states'])

type Expected = readonly Readonly<Record<string, unknown>>[]

function compareExactly(list: ListName, expected: Expected, happened: readonly Item[]): Found | null {
  const pairs = unordered.has(list) ? assign(expected, happened) : align(expected, happened)
  return mismatchOf(list, [list], false, expected, happened, pairs)
}

/** In order, with others between; every item that happened serves one expectation. */
function compareSome(list: ListName, expected: Expected, happened: readonly Item[]): Found | null {
  let pairs: Pairs
  if (unordered.has(list)) pairs = assign(expected, happened)
  else {
    pairs = new Map()
    let from = 0
    for (const [index, item] of expected.entries()) {
      const at = happened.findIndex((one, position) => position >= from && one.fits(item))
      if (at < 0) continue
      pairs.set(index, at)
      from = at + 1
    }
  }
  return mismatchOf(list, ['some', list], true, expected, happened, pairs)
}

/** Expected index → index of what fits it. */
type Pairs = Map<number, number>

function mismatchOf(
  list: ListName,
  path: readonly string[],
  inclusion: boolean,
  expected: Expected,
  happened: readonly Item[],
  pairs: Pairs,
): Found | null {
  const met = new Set(pairs.values())
  const missing = new Set(expected.keys().filter((index) => !pairs.has(index)))
  const unexpected = new Set(inclusion ? [] : happened.keys().filter((index) => !met.has(index)))
  if (missing.size === 0 && unexpected.size === 0) return null
  return { list, path, inclusion, expected, happened, missing, unexpected }
}

/** The longest run of pairs in order: what is left over is what is wrong. */
function align(expected: Expected, happened: readonly Item[]): Pairs {
  const rows = expected.length
  const columns = happened.length
  if (rows * columns > alignLimit) {
    const pairs: Pairs = new Map()
    for (const [index, item] of expected.entries())
      if (happened[index]?.fits(item) === true) pairs.set(index, index)
    return pairs
  }
  const fits = expected.map((item) => happened.map((one) => one.fits(item)))
  const length = Array.from({ length: rows + 1 }, () => new Array<number>(columns + 1).fill(0))
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      length[row]![column] =
        fits[row]![column] === true
          ? length[row + 1]![column + 1]! + 1
          : Math.max(length[row + 1]![column]!, length[row]![column + 1]!)
    }
  }
  const pairs: Pairs = new Map()
  for (let row = 0, column = 0; row < rows && column < columns; ) {
    if (fits[row]![column] === true) pairs.set(row++, column++)
    else if (length[row + 1]![column]! >= length[row]![column + 1]!) row++
    else column++
  }
  return pairs
}

/** Longer lists are compared place by place. */
const alignLimit = 1_000_000

/** Each expected item takes one that fits, the most particular expectations first. */
function assign(expected: Expected, happened: readonly Item[]): Pairs {
  const options = expected.map((item) => [...happened.keys()].filter((index) => happened[index]?.fits(item)))
  const takenBy = new Map<number, number>()
  const place = (index: number, seen: Set<number>): boolean => {
    for (const option of options[index] ?? []) {
      if (seen.has(option)) continue
      seen.add(option)
      const owner = takenBy.get(option)
      if (owner === undefined || place(owner, seen)) {
        takenBy.set(option, index)
        return true
      }
    }
    return false
  }
  for (const index of expected.keys()) place(index, new Set())
  return new Map([...takenBy].map(([option, index]) => [index, option]))
}

// ---- items

function plain(shown: Readonly<Record<string, unknown>>): Item {
  return {
    shown,
    fits: (expected) =>
      Object.entries(expected).every(([name, value]) => value === undefined || same(value, shown[name])),
  }
}

function publishedItem({ broker, message }: Published): Item {
  const { topic, payload, qos, retain, properties } = message
  const text = utf8(payload)
  const json = text === null ? undefined : parseJson(text)
  const raw = Buffer.from(payload).toString('base64')
  const shownPayload = text === null ? { raw } : { payload: json === undefined ? text : json }
  const others = {
    topic,
    qos,
    retain,
    broker,
    ...(properties?.contentType === undefined ? {} : { content_type: properties.contentType }),
    ...(properties?.responseTopic === undefined ? {} : { response_topic: properties.responseTopic }),
    ...(properties?.correlationData === undefined
      ? {}
      : { correlation_data: Buffer.from(properties.correlationData).toString() }),
    ...(properties?.userProperties === undefined
      ? {}
      : { user_properties: Object.fromEntries(properties.userProperties) }),
  }
  const rest = plain(others)
  return {
    shown: { ...others, ...shownPayload },
    fits(expected) {
      const { payload: wanted, raw: wantedRaw, ...named } = expected
      if (wantedRaw !== undefined && wantedRaw !== raw) return false
      if (wanted !== undefined) {
        const fitsText = typeof wanted === 'string' && text !== null && same(wanted, text)
        if (!fitsText && (json === undefined || !same(wanted, json))) return false
      }
      return rest.fits(named)
    },
  }
}

function alertItem({ acked, ...alert }: OpenAlert): Item {
  const rest = plain(alert)
  return {
    shown: { ...alert, acked: acked ?? false },
    fits({ acked: wantedAck, labels: wanted, ...named }) {
      const ackFits =
        typeof wantedAck === 'boolean'
          ? wantedAck === (acked !== null)
          : wantedAck === undefined || same(wantedAck, acked ?? undefined)
      const labelsFit =
        !isMap(wanted) || Object.entries(wanted).every(([name, value]) => same(value, alert.labels[name]))
      return ackFits && labelsFit && rest.fits(named)
    },
  }
}

function logItem({ file, format, columns, values }: LogEffect): Item {
  const record = Object.fromEntries(columns.map((column, index) => [column, values[index] ?? null]))
  const rest = plain({ file, format })
  return {
    shown: { file, values: record },
    fits({ values: wanted, ...named }) {
      const columnsFit =
        !isMap(wanted) || Object.entries(wanted).every(([name, value]) => same(value, record[name]))
      return columnsFit && rest.fits(named)
    },
  }
}

/** Deeply equal, where an expected text between slashes is a pattern. */
export function same(expected: unknown, value: unknown): boolean {
  if (typeof expected === 'string') {
    if (value === expected) return true
    const pattern = parsePattern(expected)
    if (pattern === null || !pattern.ok) return false
    if (typeof value === 'string') return pattern.matches(value)
    return value !== undefined && pattern.matches(jsonText(value))
  }
  if (typeof expected !== 'object' || expected === null) return expected === value
  if (Array.isArray(expected)) {
    return (
      Array.isArray(value) &&
      value.length === expected.length &&
      expected.every((item, index) => same(item, value[index]))
    )
  }
  if (!isMap(value)) return false
  const names = Object.keys(expected)
  return (
    names.length === Object.keys(value).length &&
    names.every((name) => Object.hasOwn(value, name) && same(Reflect.get(expected, name), value[name]))
  )
}

export function utf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return null
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
