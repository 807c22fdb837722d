/** One record as one line of CSV or NDJSON, without its line end. */
import { stringify } from 'csv-stringify/sync'
import type { LogValue } from '../core/effect.ts'
import { jsonText } from '../core/json-text.ts'

/** Half- and full-width signs that make spreadsheets read a cell as a formula, and the blanks they skip first. */
const formulaStart = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/
/** All but tab and line ends, which a quoted cell may hold: a terminal that shows the file would act upon them. */
const controls = /[\p{Cc}--[\t\n\r]]/gv
const plainNumber = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/

/**
 * RFC 4180. A text that a spreadsheet would run as a formula gets a leading `'`: what a device sends must not
 * become code on the desk of the one who opens the file. Plain numbers such as -12.5 stay as they are. Control
 * characters become U+FFFD, so that they steer nobody's terminal either and it is seen that something was there.
 */
export function csvLine(cells: readonly LogValue[]): string {
  return stringify([cells.map(csvCell)], {
    eof: false,
    // A record with one empty cell would otherwise be an empty line, which readers skip.
    quoted_empty: cells.length === 1,
  })
}

function csvCell(value: LogValue): string {
  if (value === null) return ''
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : ''
  if (typeof value === 'boolean') return String(value)
  const text = (typeof value === 'string' ? value : jsonText(value)).replace(controls, '\ufffd')
  return formulaStart.test(text) && !plainNumber.test(text) ? `'${text}` : text
}

/** Control characters that JSON allows as they are; within its texts they may be escaped just as well. */
const laterControls = /[\u007f-\u009f]/g

function escaped(sign: string): string {
  return `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** Written member by member, so that the columns keep their order whatever they are called. */
export function ndjsonLine(columns: readonly string[], values: readonly LogValue[]): string {
  const members = columns.map((name, index) => `${JSON.stringify(name)}:${jsonText(values[index] ?? null)}`)
  return `{${members.join(',')}}`.replace(laterControls, escaped)
}
