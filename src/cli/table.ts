/** Plain tables for people: columns of text, two blanks between them, nothing a terminal would act upon. */

/** Rows of cells; the last column is not padded. Lines longer than `columns` are cut. */
export function table(rows: readonly (readonly string[])[], columns: number): string {
  const shown = rows.map((row) => row.map(printable))
  const widths: number[] = []
  for (const row of shown)
    for (const [index, cell] of row.entries())
      widths[index] = Math.max(widths[index] ?? 0, Math.min(cell.length, cellWidth))
  const lines = shown.map((row) => {
    const cells = row.map((cell, index) => {
      const isLast = index === row.length - 1
      return isLast ? cell : cut(cell, cellWidth).padEnd(widths[index] ?? 0)
    })
    return cut(cells.join('  ').trimEnd(), columns)
  })
  return lines.map((line) => `${line}\n`).join('')
}

/** What came from outside, on one line: control characters and signs that turn the direction become blanks. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu, ' ')
}

/** `2026-11-22 14:20:40` in a time zone, from an ISO text. */
export function localTime(iso: string, zone: string): string {
  const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium', timeZone: zone })
  return format.format(new Date(iso))
}

const cellWidth = 48

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, Math.max(0, length - 1))}…` : text
}
