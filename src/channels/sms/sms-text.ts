/**
 * Writes a notification as a short message: in as few segments as are allowed, in the alphabet of short messages
 * where that saves room, shortened in the middle of what it says and never in the code that answers it.
 */
import type { Notification } from '../../core/alerts/notification.ts'
import { cleanLine } from '../shared/clean-text.ts'
import { type Segments, segmentsOf } from './segments.ts'
import { transliterate } from './transliterate.ts'

export interface SmsLimits {
  /** At most so many segments, from 1. */
  readonly segments: number
  /** Stands before everything, in GSM-7, at most 20 characters. */
  readonly prefix: string
  /** Whether answers reach us: only then is the code shown. */
  readonly replies: boolean
}

export interface SmsText extends Segments {
  readonly text: string
}

/** Longer texts are cut before anything is counted: ten segments hold 1,530 characters. */
const maxExaminedChars = 2_000
const maxCodeChars = 12

interface Parts {
  readonly prefix: string
  readonly head: string
  /** The only part that may be shortened. */
  readonly body: string
  readonly count: string
  readonly tail: string
  readonly cut: 'middle' | 'end'
}

export function smsText(notification: Notification, limits: SmsLimits): SmsText {
  return fitted(partsOf(notification, limits), limits.segments)
}

/** A text without parts, for answers: cut at its end. */
export function shortText(text: string, segments: number): SmsText {
  return fitted({ prefix: '', head: '', body: oneLine(text), count: '', tail: '', cut: 'end' }, segments)
}

function fitted(original: Parts, segments: number): SmsText {
  const whole = measured(joined(original))
  const parts = inGsm(original)
  if (parts === null) return whole.segments <= segments ? whole : shortened(original, segments)
  const plain = measured(joined(parts))
  if (whole.segments <= Math.min(plain.segments, segments)) return whole
  return plain.segments <= segments ? plain : shortened(parts, segments)
}

function measured(text: string): SmsText {
  return { text, ...segmentsOf(text) }
}

function partsOf(notification: Notification, limits: SmsLimits): Parts {
  const title = oneLine(notification.title)
  const text = oneLine(notification.text)
  const isAlert = ['firing', 'acknowledged', 'resolved'].includes(notification.kind)
  const head = headOf(notification)
  const alerts = notification.alerts.length + notification.more
  return {
    prefix: limits.prefix,
    head: startsWithWord(title, head) ? '' : head,
    body: isAlert ? title || text : withText(title, text),
    count: isAlert && alerts > 1 ? `(${alerts} alerts)` : '',
    tail: answer(notification, limits),
    cut: isAlert ? 'middle' : 'end',
  }
}

function headOf({ kind, severity }: Notification): string {
  if (kind === 'firing') return severity.toUpperCase()
  return kind === 'digest' || kind === 'message' ? '' : kind.toUpperCase()
}

function withText(title: string, text: string): string {
  // Twilio refuses a message without a text.
  if (text.includes(title)) return text === '' ? '(no text)' : text
  if (text === '') return title
  return `${title}${/[.:!?]$/.test(title) ? '' : ':'} ${text}`
}

/** The engine may have put the word into the title already: `[CRITICAL] …`. */
function startsWithWord(title: string, word: string): boolean {
  return title.replace(/^\W+/, '').slice(0, word.length).toUpperCase() === word
}

function answer({ kind, ackCode, ackUrl }: Notification, { replies }: SmsLimits): string {
  if (kind !== 'firing') return ''
  if (replies && ackCode !== null && ackCode.length <= maxCodeChars) return `Reply ACK ${ackCode}`
  // An address is of use only whole, and long ones leave no room for what happened.
  return ackUrl !== null && ackUrl.length <= 60 ? ackUrl : ''
}

function oneLine(text: string): string {
  return cleanLine(text, maxExaminedChars).normalize('NFC')
}

function inGsm(parts: Parts): Parts | null {
  const body = transliterate(parts.body)
  const tail = transliterate(parts.tail)
  if (body === null || tail === null) return null
  // What is made of pictures alone must not become nothing.
  if (hasWords(parts.body) !== hasWords(body) || (!hasWords(body) && body !== parts.body)) return null
  return { ...parts, body: body.trim(), tail }
}

function hasWords(text: string): boolean {
  return /[\p{L}\p{N}]/u.test(text)
}

function joined({ prefix, head, body, count, tail }: Parts): string {
  return [prefix, head, body, count, tail].filter((part) => part !== '').join(' ')
}

/** Of the texts within the limit, the one that says most; the prefix and the count go before what happened does. */
function shortened(parts: Parts, segments: number): SmsText {
  const marks = [...new Intl.Segmenter('en', { granularity: 'grapheme' }).segment(parts.body)].map(
    ({ segment }) => segment,
  )
  const ellipsis = segmentsOf(joined(parts)).encoding === 'GSM-7' ? '...' : '…'
  const bare = { ...parts, prefix: '', count: '' }
  const attempts = [
    { fixed: parts, least: minKeptMarks },
    { fixed: { ...parts, prefix: '' }, least: minKeptMarks },
    { fixed: bare, least: 0 },
  ]
  for (const { fixed, least } of attempts) {
    const fits = (kept: number): SmsText | null => {
      const text = measured(joined({ ...fixed, body: cut(marks, kept, ellipsis, parts.cut) }))
      return text.segments <= segments ? text : null
    }
    let low = Math.min(least, marks.length)
    let best = fits(low)
    if (best === null) continue
    let high = marks.length
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      const text = fits(middle)
      if (text === null) high = middle - 1
      else [best, low] = [text, middle]
    }
    return best
  }
  return measured(parts.tail)
}

/** With less than this, what happened can no longer be told. */
const minKeptMarks = 12

function cut(marks: readonly string[], kept: number, ellipsis: string, where: 'middle' | 'end'): string {
  if (kept >= marks.length) return marks.join('')
  if (kept === 0) return ''
  const atEnd = where === 'end' ? 0 : Math.floor(kept / 2)
  const first = marks
    .slice(0, kept - atEnd)
    .join('')
    .trimEnd()
  const last = marks
    .slice(marks.length - atEnd)
    .join('')
    .trimStart()
  return `${first}${ellipsis}${last}`
}
