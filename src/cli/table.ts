/** Plain tables for people: columns of text, two blanks between them, nothing a terminal would act upon. */
import { printable } from '../core/printable.ts'
import { cutToWidth, padToWidth, textWidth } from '../core/text-width.ts'

/** Rows of cells; the last column is not padded. Lines longer than `columns` are cut. */
export function table(rows: readonly (readonly string[])[], columns: number): string {
  const shown = rows.map((row) => row.map(printable))
  const widths: number[] = []
  for (const row of shown)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, Math.min(textWidth(cell), cellWidth))
  const lines = shown.map((row) => {
    const cells = row.map((cell, index) => {
      const isLast = index === row.length - 1
      return isLast ? cell : padToWidth(cutToWidth(cell, cellWidth), widths[index] ?? 0)
    })
    return cutToWidth(cells.join('  ').trimEnd(), columns)
  })
  return lines.map((line) => `${line}\n`).join('')
}

/** `2026-11-22 14:20:40` in a time zone, from an ISO text. */
export function localTime(iso: string, zone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: zone })
  return format.format(new Date(iso))
}

const cellWidth = 48
