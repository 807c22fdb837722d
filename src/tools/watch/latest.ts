/** The latest message of every topic, as a table for people: what a shop floor's dashboard shows. */
import { styleText } from 'node:util'
import { printable } from '../../core/printable.ts'
import { durationText } from '../../core/templates/duration-text.ts'
import { cutToWidth, padToWidth, textWidth } from '../../core/text-width.ts'
import { payloadJson } from './json-report.ts'
import { excerptOf, payloadText } from './payload-text.ts'
import type { Seen, Spectator } from './spectator.ts'

/** Topics that are remembered; the one that was heard longest ago makes room. */
export const topicLimit = 1_000
/** A payload's first bytes are kept for the table. */
const keptBytes = 2_048
const rulesKept = 20
const membersShown = 12

interface Row {
  readonly broker: string
  readonly topic: string
  payload: Uint8Array
  sizeBytes: number
  atMs: number
  count: number
  retained: boolean
  /** Rules that acted on the latest message. */
  acted: readonly string[]
  /** Where rules keep what they know of this topic's key. */
  states: readonly { readonly rule: string; readonly slice: string }[]
}

export interface TableOptions {
  readonly columns: number
  /** Lines the table may take, its header included; null: all of them. */
  readonly lines: number | null
  readonly colour: boolean
  readonly redact: (text: string) => string
  readonly namesBroker: boolean
}

export class Latest {
  /** In the order in which they were last heard. */
  readonly #rows = new Map<string, Row>()
  #forgotten = 0
  #messages = 0

  get topics(): number {
    return this.#rows.size
  }

  get messages(): number {
    return this.#messages
  }

  take({ message, atMs, met, oversizedBytes }: Seen): void {
    const id = `${message.broker} ${message.topic}`
    const known = this.#rows.get(id)
    const row: Row = known ?? {
      broker: message.broker,
      topic: message.topic,
      payload: new Uint8Array(),
      sizeBytes: 0,
      atMs,
      count: 0,
      retained: false,
      acted: [],
      states: [],
    }
    // The payload is a view of what was read together: what is kept for long is a copy.
    row.payload = message.payload.slice(0, keptBytes)
    row.sizeBytes = oversizedBytes ?? message.payload.length
    row.atMs = atMs
    row.count++
    row.retained = message.retain
    row.acted = met
      // A rule without a condition acts on everything, which says nothing.
      .filter(({ rule, decision }) => rule.when !== null && decision?.acts === true)
      .map(({ rule }) => rule.id)
      .slice(0, rulesKept)
    row.states = met
      .flatMap(({ rule, slice }) =>
        slice === null || rule.kind === 'each' ? [] : [{ rule: rule.id, slice }],
      )
      .slice(0, rulesKept)
    this.#messages++
    this.#rows.delete(id)
    this.#rows.set(id, row)
    if (this.#rows.size <= topicLimit) return
    const [oldest] = this.#rows.keys()
    if (oldest !== undefined) this.#rows.delete(oldest)
    this.#forgotten++
  }

  /** Those heard last, as many as there is room for, in the order of their topics. */
  table(spectator: Spectator, nowMs: number, options: TableOptions): readonly string[] {
    const { columns, lines, colour, redact, namesBroker } = options
    const clean = (text: string) => printable(redact(text))
    const paint = (style: Parameters<typeof styleText>[0], text: string) =>
      colour ? styleText(style, text, { validateStream: false }) : text
    const all = [...this.#rows.values()].reverse()
    // A line is for the header, and one for what there is no room for.
    const isWhole = lines === null || all.length <= lines - 1
    const shown = (isWhole ? all : all.slice(0, Math.max(0, lines - 2))).sort(byTopic)
    const cells = shown.map((row) => ({
      row,
      topic: clean(namesBroker ? `${row.topic} (${row.broker})` : row.topic),
      payload: `${clean(latestText(row))}${row.retained ? ' (retained)' : ''}`,
      age: ageText(nowMs - row.atMs),
      count: row.count.toLocaleString('en'),
      ...rulesOf(row, spectator),
    }))
    const widest = (name: string, texts: readonly string[], most: number) =>
      Math.min(
        most,
        texts.reduce((width, text) => Math.max(width, textWidth(text)), name.length),
      )
    const topicWidth = widest(
      'TOPIC',
      cells.map(({ topic }) => topic),
      Math.floor(columns * 0.45),
    )
    const ageWidth = widest(
      'AGE',
      cells.map(({ age }) => age),
      8,
    )
    const countWidth = widest(
      'COUNT',
      cells.map(({ count }) => count),
      11,
    )
    const rulesWidth = widest(
      'RULES',
      cells.map(({ rules }) => rules),
      Math.floor(columns * 0.3),
    )
    const payloadRoom = columns - topicWidth - ageWidth - countWidth - rulesWidth - 8
    const payloadWidth = widest(
      'LATEST',
      cells.map(({ payload }) => payload),
      Math.max(6, payloadRoom),
    )
    const line = (topic: string, payload: string, age: string, count: string, rules: string) =>
      `${padToWidth(cutToWidth(topic, topicWidth), topicWidth)}  ${padToWidth(cutToWidth(payload, payloadWidth), payloadWidth)}  ` +
      `${age.padStart(ageWidth)}  ${count.padStart(countWidth)}  ${rules}`.trimEnd()
    const header = cutToWidth(line('TOPIC', 'LATEST', 'AGE', 'COUNT', 'RULES'), columns)
    const table = [
      paint('dim', header),
      ...cells.map(({ topic, payload, age, count, rules, style }) => {
        const text = cutToWidth(rules, rulesWidth)
        return cutToWidth(line(topic, payload, age, count, text === '' ? '' : paint(style, text)), columns)
      }),
    ]
    const left = all.length - shown.length
    const notes = [
      ...(left > 0 ? [`${left.toLocaleString('en')} more topics, heard longer ago`] : []),
      ...(this.#forgotten > 0
        ? [`${this.#forgotten.toLocaleString('en')} times a topic was dropped to make room`]
        : []),
    ]
    if (notes.length > 0 && (lines === null || table.length < lines))
      table.push(paint('dim', cutToWidth(`… ${notes.join('; ')}`, columns)))
    return table
  }

  /** The same for programs, one object a topic. */
  json(spectator: Spectator): readonly Readonly<Record<string, unknown>>[] {
    return [...this.#rows.values()].sort(byTopic).map((row) => ({
      type: 'latest',
      at: new Date(row.atMs).toISOString(),
      broker: row.broker,
      topic: row.topic,
      ...payloadJson(row.payload),
      payload_bytes: row.sizeBytes,
      retained: row.retained,
      count: row.count,
      rules: [
        ...row.acted.map((rule) => ({ rule, does: 'acts' })),
        ...row.states.flatMap(({ rule, slice }) => {
          const phase = spectator.state(slice)?.phase ?? 'inactive'
          return phase === 'inactive' ? [] : [{ rule, does: phase === 'pending' ? 'holds' : 'fires' }]
        }),
      ],
    }))
  }
}

/** s2 stands before s10. */
const topicOrder = new Intl.Collator('en', { numeric: true })

function byTopic(a: Row, b: Row): number {
  return topicOrder.compare(a.topic, b.topic) || (a.broker < b.broker ? -1 : 1)
}

function latestText({ payload, sizeBytes }: Row): string {
  if (payload.length === 0 && sizeBytes > 0) return '(too long)'
  const text = excerptOf(payload)
  return text?.startsWith('{') === true ? membersOf(text) : payloadText(payload)
}

/** Lamps, plugs and alerts have one of these. */
const saysMost: ReadonlySet<string> = new Set(['state', 'summary'])

/** The members of an object in fewer signs than JSON takes: there is little room. */
function membersOf(text: string): string {
  try {
    const members = Object.entries(JSON.parse(text) as Record<string, unknown>)
    // First what says most, then what was measured: device and time stand in the other columns anyway.
    const rank = ([name, value]: [string, unknown]) => {
      if (saysMost.has(name)) return 0
      return typeof value === 'number' || typeof value === 'boolean' ? 1 : 2
    }
    const inOrder = members.toSorted((a, b) => rank(a) - rank(b))
    const shown = inOrder.slice(0, membersShown).map(([name, value]) => {
      return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`
    })
    return shown.length === 0 ? text : shown.join(', ')
  } catch {
    return text
  }
}

/** Rules that act on the latest message, fire or hold, those that fire first. */
function rulesOf(
  row: Row,
  spectator: Spectator,
): { readonly rules: string; readonly style: 'red' | 'yellow' } {
  const phases = row.states.map(({ rule, slice }) => ({
    rule,
    phase: spectator.state(slice)?.phase ?? 'inactive',
  }))
  const firing = phases
    .filter(({ phase }) => phase === 'firing' || phase === 'clearing')
    .map(({ rule }) => `▲ ${rule}`)
  const holding = phases.filter(({ phase }) => phase === 'pending').map(({ rule }) => `● ${rule}`)
  const acted = row.acted.map((rule) => `▲ ${rule}`)
  return {
    rules: [...firing, ...acted, ...holding].join(' '),
    style: firing.length > 0 ? 'red' : 'yellow',
  }
}

function ageText(ageMs: number): string {
  return ageMs < 1_000 ? 'now' : durationText(ageMs)
}
