/** Messages and what rules made of them, as lines for people at a terminal or behind a pipe. */
import { styleText } from 'node:util'
import type { MessageProperties } from '../../core/message.ts'
import { printable } from '../../core/printable.ts'
import { cutToWidth, textWidth } from '../../core/text-width.ts'
import { type Does, type RuleSight, wouldOf } from './describe.ts'
import { wouldText } from './effect-text.ts'
import type { NearMiss } from './near-topics.ts'
import { payloadText, sizeText } from './payload-text.ts'
import type { Seen } from './spectator.ts'
import { wrapText } from './wrap-text.ts'

export interface TextOptions {
  readonly colour: boolean
  /** Of the terminal, as it is now. */
  readonly columns: () => number
  /** IANA name. */
  readonly zone: string
  /** Removes secrets. */
  readonly redact: (text: string) => string
  /** Whether messages say which broker they came from. */
  readonly namesBroker: boolean
}

type Style = Parameters<typeof styleText>[0]

/** Rules of one message that are shown, and actions of one rule. */
const rulesShown = 20
const wouldShown = 8
const linesOfReason = 4
const linesOfAction = 2
const propertiesShown = 6
const narrowest = 40

const marks: Readonly<Record<Does, readonly [mark: string, style: Style]>> = {
  acts: ['▲', 'yellow'],
  fires: ['▲', 'red'],
  clears: ['▼', 'green'],
  holds: ['●', 'yellow'],
  stays: ['●', 'red'],
  heard: ['●', 'dim'],
  unknown: ['?', 'yellow'],
  failed: ['✗', 'red'],
  'not met': ['·', 'dim'],
  skipped: ['·', 'dim'],
  throttled: ['·', 'dim'],
}

export class TextReport {
  readonly #options: TextOptions
  readonly #time: Intl.DateTimeFormat

  constructor(options: TextOptions) {
    this.#options = options
    this.#time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: options.zone })
  }

  /** The lines of a message: itself, its properties, and every rule that it met. */
  message(seen: Seen, rules: readonly RuleSight[], near: readonly NearMiss[]): readonly string[] {
    const lines = [this.#headline(seen), ...this.#properties(seen.message.properties)]
    for (const sight of rules.slice(0, rulesShown)) lines.push(...this.#rule(sight, '    '))
    if (rules.length > rulesShown)
      lines.push(this.#paint('dim', `    … and ${rules.length - rulesShown} more rules`))
    if (seen.undecoded !== null) {
      const unseen =
        seen.undecoded.rules.length === 0 ? '' : ` — not seen by ${seen.undecoded.rules.join(', ')}`
      lines.push(...this.#indented('✗', 'red', `not understood — ${seen.undecoded.message}${unseen}`))
    }
    for (const { rule, kind, message } of seen.notices) {
      const what = kind === 'rule-failed' ? 'failed' : 'skipped'
      lines.push(...this.#indented('✗', 'red', rule === '' ? message : `${rule}: ${what} — ${message}`))
    }
    for (const one of seen.others.flatMap(wouldOf).slice(0, wouldShown))
      lines.push(...this.#indented('→', 'green', wouldText(one)))
    if (seen.isForCommands) lines.push(...this.#indented('·', 'dim', 'commands may be acknowledged here'))
    for (const filter of seen.joined)
      lines.push(...this.#indented('·', 'dim', `kept for rules that look at ${filter}`))
    if (isMetByNothing(seen)) {
      const words = seen.oversizedBytes === null ? 'no rule meets this topic' : 'too long to be taken in'
      lines.push(...this.#indented('·', 'dim', words))
      for (const { rule, topic, because } of near)
        lines.push(...this.#indented('?', 'yellow', `nearly ${rule}, with ${topic} — ${because}`))
    }
    return lines
  }

  /** Something that became due. */
  due(atMs: number, sight: RuleSight): readonly string[] {
    const about = Object.values(sight.key).join(' ')
    const lines = this.#rule(
      { ...sight, rule: about === '' ? sight.rule : `${sight.rule} ${about}` },
      `${this.#stamp(atMs)}  `,
    )
    return lines
  }

  /** What people should know beside messages: links, rules that were loaded again. */
  note(mark: string, style: Style, text: string, atMs: number): readonly string[] {
    const [first = '', ...more] = wrapText(this.#clean(text), this.#columns() - 12, linesOfReason)
    return [
      `${this.#stamp(atMs)}  ${this.#paint(style, mark)} ${first}`,
      ...more.map((line) => `            ${line}`),
    ]
  }

  dim(text: string): string {
    return this.#paint('dim', cutToWidth(this.#clean(text), this.#columns()))
  }

  #headline({ message, atMs, oversizedBytes }: Seen): string {
    const { topic, qos, retain, broker } = message
    const columns = this.#columns()
    const flags = [
      `QoS ${qos}`,
      ...(retain ? ['retained'] : []),
      ...(this.#options.namesBroker ? [broker] : []),
    ].join(', ')
    const shownTopic = cutToWidth(this.#clean(topic), Math.max(16, Math.floor(columns / 2)))
    const left = columns - 8 - 2 - textWidth(shownTopic) - 2 - 2 - flags.length
    const payload =
      oversizedBytes === null
        ? this.#clean(payloadText(message.payload))
        : `(a packet of ${sizeText(oversizedBytes)})`
    return `${this.#stamp(atMs)}  ${this.#paint('cyan', shownTopic)}  ${cutToWidth(payload, Math.max(8, left))}  ${this.#paint('dim', flags)}`
  }

  #properties(properties: MessageProperties | null): readonly string[] {
    const shown = propertyTexts(properties)
    if (shown.length === 0) return []
    const more = shown.length > propertiesShown ? ', …' : ''
    const text = this.#clean(shown.slice(0, propertiesShown).join(', ') + more)
    return [this.#paint('dim', `    ${cutToWidth(text, this.#columns() - 4)}`)]
  }

  #rule({ rule, says, because, does, would }: RuleSight, lead: string): readonly string[] {
    const [mark, style] = marks[does]
    const why = because.length === 0 ? '' : `${says.includes(' — ') ? '; ' : ' — '}${because.join('; ')}`
    const width = this.#columns() - textWidth(stripped(lead)) - 2
    const name = this.#clean(rule)
    const [first = '', ...more] = wrapText(`${name}: ${this.#clean(`${says}${why}`)}`, width, linesOfReason)
    const isQuiet = style === 'dim'
    const indent = ' '.repeat(textWidth(stripped(lead)) + 2)
    const lines = [first, ...more].map((line, index) => {
      const text = isQuiet ? this.#paint('dim', line) : index === 0 ? this.#named(line, name) : line
      return index === 0 ? `${lead}${this.#paint(style, mark)} ${text}` : `${indent}${text}`
    })
    for (const one of would.slice(0, wouldShown)) {
      const [action = '', ...rest] = wrapText(this.#clean(wouldText(one)), width - 2, linesOfAction)
      const arrow = one.kind === 'cannot' ? this.#paint('red', '✗') : this.#paint('green', '→')
      lines.push(`${indent}${arrow} ${action}`, ...rest.map((line) => `${indent}  ${line}`))
    }
    if (would.length > wouldShown)
      lines.push(this.#paint('dim', `${indent}… and ${would.length - wouldShown} more actions`))
    return lines
  }

  #named(line: string, name: string): string {
    return line.startsWith(name) ? `${this.#paint('bold', name)}${line.slice(name.length)}` : line
  }

  #indented(mark: string, style: Style, text: string): readonly string[] {
    const [first = '', ...more] = wrapText(this.#clean(text), this.#columns() - 6, linesOfReason)
    return [`    ${this.#paint(style, mark)} ${first}`, ...more.map((line) => `      ${line}`)]
  }

  #stamp(atMs: number): string {
    return this.#paint('dim', this.#time.format(new Date(atMs)))
  }

  /** Secrets are taken out first: a part of one could not be recognised. */
  #clean(text: string): string {
    return printable(this.#options.redact(text))
  }

  #paint(style: Style, text: string): string {
    return this.#options.colour ? styleText(style, text, { validateStream: false }) : text
  }

  #columns(): number {
    return Math.max(narrowest, this.#options.columns())
  }
}

export function isMetByNothing({ met, joined, notices, undecoded, isForCommands }: Seen): boolean {
  return met.length + joined.length + notices.length === 0 && undecoded === null && !isForCommands
}

function propertyTexts(properties: MessageProperties | null): readonly string[] {
  if (properties === null) return []
  const {
    contentType,
    responseTopic,
    correlationData,
    messageExpiryInterval,
    userProperties = [],
  } = properties
  return [
    ...(contentType === undefined ? [] : [`content type ${contentType}`]),
    ...(responseTopic === undefined ? [] : [`answer to ${responseTopic}`]),
    ...(correlationData === undefined ? [] : [`correlation ${payloadText(correlationData)}`]),
    ...(messageExpiryInterval === undefined ? [] : [`expires in ${messageExpiryInterval}s`]),
    ...userProperties.slice(0, propertiesShown).map(([name, value]) => `${name}=${value}`),
  ]
}

/** Without colour codes. */
function stripped(text: string): string {
  return text.replaceAll(/\u001b\[[0-9;]*m/g, '')
}
