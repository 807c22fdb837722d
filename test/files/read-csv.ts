/** A reader of RFC 4180, by the letter, to check what the writer writes. */

/** The records of a text; throws where the text is not well formed. Line ends are LF or CRLF. */
export function readCsv(text: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  let at = 0
  while (at < text.length) {
    let cell = ''
    if (text[at] === '"') {
      at++
      for (;;) {
        if (at >= text.length) throw new Error('a quoted cell is never closed')
        if (text[at] !== '"') cell += text[at++]
        else if (text[at + 1] === '"') {
          cell += '"'
          at += 2
        } else break
      }
      at++
    } else {
      while (at < text.length && !',\r\n'.includes(text[at] ?? '')) {
        if (text[at] === '"') throw new Error('a quotation mark in a cell that is not quoted')
        cell += text[at++]
      }
    }
    record.push(cell)
    if (text[at] === ',') {
      at++
      if (at < text.length) continue
      record.push('')
    }
    if (text.startsWith('\r\n', at)) at += 2
    else if (text[at] === '\n') at++
    else if (at < text.length) throw new Error(`${JSON.stringify(text[at])} after a cell`)
    records.push(record)
    record = []
  }
  return records
}
