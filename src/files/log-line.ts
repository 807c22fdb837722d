/** One record as one line of CSV or NDJSON, without its line end. */
import { stringify } from 'csv-stringify/sync'
import type { LogValue } from '../core/effect.ts'
import { jsonText } from '../core/json-text.ts'

/** Half- and full-width signs that make spreadsheets read a cell as a formula, and the blanks they skip first. */
const formulaStart = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/
const plainNumber = /^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/

/**
 * RFC 4180. A text that a spreadsheet would run as a formula gets a leading `'`: what a device sends must not
 * become code on the desk of the one who opens the file. Plain numbers such as -12.5 stay as they are.
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
  const text = typeof value === 'string' ? value : jsonText(value)
  return formulaStart.test(text) && !plainNumber.test(text) ? `'${text}` : text
}

/** Written member by member, so that the columns keep their order whatever they are called. */
export function ndjsonLine(columns: readonly string[], values: readonly LogValue[]): string {
  const members = columns.map((name, index) => `${JSON.stringify(name)}:${jsonText(values[index] ?? null)}`)
  return `{${members.join(',')}}`
}
