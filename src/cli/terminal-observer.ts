/** Shows a running Tocsin to a person at a terminal: what comes in, which rule met it, what was done. */
import { styleText } from 'node:util'
import type { Effect } from '../core/effect.ts'
import { printable } from '../core/printable.ts'
import { cutToWidth } from '../core/text-width.ts'
import type { Clock } from '../ports/clock.ts'
import type { Observer } from '../ports/observer.ts'
import { wrapText } from '../tools/watch/wrap-text.ts'

export interface TerminalOptions {
  readonly write: (text: string) => void
  readonly colour: boolean
  /** Columns of the terminal. Longer lines are cut; what says what is wrong goes on in the next line. */
  readonly columns: () => number
  readonly clock: Clock
  readonly zone: string
  /** Removes secrets. */
  readonly redact: (text: string) => string
}

/** More lines than this in a second help nobody; what is left out is counted. */
const linesPerSecond = 40
const excerptWidth = 200
/** Of a message that is kept so many lines are shown. */
const keptLines = 12
/** What is wrong, and what to do about it, takes so many lines at most. */
const toldLines = 6
/** So much of what was refused stands before the reason. */
const refusedWidth = 60
const indent = ' '.repeat(10)

type Style = Parameters<typeof styleText>[0]

export function terminalObserver(options: TerminalOptions): Observer {
  const paint = (style: Style, text: string) =>
    options.colour ? styleText(style, text, { validateStream: false }) : text
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium', timeZone: options.zone })
  let second = 0
  let shown = 0
  let leftOut = 0

  /** Lines about single messages are limited; what people must know is always shown. */
  const line = (text: string, always = false) => {
    const now = Math.floor(options.clock.now() / 1000)
    if (now !== second) {
      if (leftOut > 0) options.write(`${paint('dim', `          … and ${leftOut} more lines`)}\n`)
      second = now
      shown = 0
      leftOut = 0
    }
    if (!always && ++shown > linesPerSecond) leftOut++
    else options.write(`${cutToWidth(options.redact(text), options.columns())}\n`)
  }
  /** `head` is as wide as the time, or as the indentation of what follows a time; `mark` may be empty. */
  const tell = (head: string, mark: string, text: string, always = true) => {
    const [lead, after] = mark === '' ? ['', ''] : [`${mark} `, '  ']
    const width = options.columns() - indent.length - after.length
    const [first = '', ...more] = wrapText(options.redact(text), width, toldLines)
    line(`${head}${lead}${first}`, always)
    for (const part of more) line(`${indent}${after}${part}`, always)
  }
  const stamp = () => paint('dim', time.format(new Date(options.clock.now())))

  const failures = new Map<string, string>()

  return {
    watchesDecisions: true,
    decided(message, decisions) {
      const replay = message.retain ? paint('dim', ' (retained)') : ''
      line(`${stamp()}  ${paint('cyan', printable(message.topic))}  ${excerpt(message.payload)}${replay}`)
      for (const { rule, verdict, because, acts } of decisions) {
        if (acts === true) line(`          ${paint('yellow', '▲')} ${paint('bold', rule)}`)
        else if (verdict === 'unknown')
          line(`          ${paint('dim', `? ${rule}: no verdict, a value is missing or too few came`)}`)
        else if (verdict === 'skipped')
          line(`          ${paint('dim', `· ${rule}: left out, ${because ?? ''}`)}`)
      }
    },
    transition({ rule, key, from, to, because }) {
      const about = Object.values(key).join(' ')
      const why = because === undefined ? '' : ` (${because})`
      const colour: Style = to === 'firing' ? 'red' : to === 'inactive' ? 'green' : 'yellow'
      line(
        `          ${paint(colour, '●')} ${paint('bold', rule)} ${printable(about)}: ${from} → ${to}${why}`,
        true,
      )
    },
    carriedOut: (effect) => line(`          ${paint('green', '→')} ${described(effect)}`),
    refused: (effect, message) =>
      tell(
        indent,
        paint('red', '✗'),
        `${cutToWidth(described(effect), refusedWidth)}: ${printable(message)}`,
      ),
    notice({ kind, rule, message }) {
      if (kind === 'throttled') return
      tell(indent, paint('magenta', '!'), printable(`${rule}: ${message}`), kind === 'rule-failed')
    },
    deadLetter({ topic, message, rules }) {
      line(`${stamp()}  ${paint('cyan', printable(topic))}  ${paint('red', '✗')} ${printable(message)}`)
      if (rules.length > 0)
        line(paint('dim', `          kept as a dead letter; not seen by ${rules.join(', ')}`))
    },
    kept({ channel, to, subject, text }) {
      // What stands below the signature's line says nothing new.
      const [body = ''] = text.split('\n-- \n')
      const lines = body.split('\n').filter((part) => part.trim() !== '')
      line(
        `${stamp()}  ${paint('magenta', '✉')} ${paint('bold', `${channel} to ${printable(to)}`)}, kept, not sent`,
        true,
      )
      if (subject !== null) line(`          ${paint('bold', printable(subject))}`, true)
      for (const part of lines.slice(0, keptLines))
        line(`          ${paint('dim', '│')} ${printable(part)}`, true)
      if (lines.length > keptLines) line(paint('dim', '          │ … (`tocsin inbox` shows all of it)'), true)
    },
    link(broker, state) {
      if (state.state === 'online') {
        failures.delete(broker)
        line(
          `${stamp()}  ${paint('green', '●')} connected to ${broker} (MQTT ${version(state.protocolVersion)})`,
          true,
        )
        return
      }
      // Every attempt fails alike: what is known is not told again.
      if (failures.get(broker) === state.failure.message) return
      failures.set(broker, state.failure.message)
      tell(`${stamp()}  `, paint('red', '●'), `${broker}: ${printable(state.failure.message)}`)
      tell(indent, '', state.failure.help)
    },
    subscribed: () => {},
    trouble({ message, help }) {
      tell(`${stamp()}  `, paint('red', '!'), printable(message))
      if (help !== undefined) tell(indent, '', printable(help))
    },
  }
}

export function described(effect: Effect): string {
  if (effect.kind === 'log')
    return `${printable(effect.file)}  ${cutToWidth(printable(JSON.stringify(effect.values)), excerptWidth)}`
  const { topic, payload, retain } = effect.message
  return `${printable(topic)}  ${excerpt(payload)}${retain ? ' (retained)' : ''}`
}

function version(protocolVersion: 4 | 5): string {
  return protocolVersion === 5 ? '5' : '3.1.1'
}

/** The start of a payload as text, or its size when it is not text. */
function excerpt(payload: Uint8Array): string {
  if (payload.length === 0) return '(empty)'
  const start = Buffer.from(payload.buffer, payload.byteOffset, Math.min(payload.length, excerptWidth * 4))
  const text = start.toString('utf8')
  // A replacement character within the first bytes means that this is not text.
  if (text.slice(0, 8).includes('\ufffd')) return `(${payload.length} bytes)`
  return cutToWidth(printable(text), excerptWidth)
}
