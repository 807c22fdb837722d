/** Finds where in the file a character of a scalar's text stands, whatever quotes, escapes or folding it is written with. */
import type { Scalar } from 'yaml'

/** `offset` is in UTF-16 units of the scalar's value; the result is an offset into the file, inside the scalar. */
export function offsetInScalar(text: string, node: Scalar, offset: number): number {
  const start = node.range?.[0] ?? 0
  const end = node.range?.[1] ?? start
  const raw = text.slice(start, end)
  switch (node.type) {
    case 'QUOTE_DOUBLE':
      return start + flowOffset(raw, 1, offset, doubleEscape)
    case 'QUOTE_SINGLE':
      return start + flowOffset(raw, 1, offset, singleEscape)
    case 'BLOCK_LITERAL':
    case 'BLOCK_FOLDED':
      return start + blockOffset(raw, offset, node.type === 'BLOCK_FOLDED', indicatedIndent(text, start))
    default:
      return start + flowOffset(raw, 0, offset, () => null)
  }
}

/** How many units of the file an escape takes, and how many of the value it makes. */
type Escape = (raw: string, at: number) => { readonly source: number; readonly value: number } | null

const singleEscape: Escape = (raw, at) => (raw.startsWith("''", at) ? { source: 2, value: 1 } : null)

const doubleEscape: Escape = (raw, at) => {
  if (raw[at] !== '\\') return null
  switch (raw[at + 1]) {
    case 'x':
      return { source: 4, value: 1 }
    case 'u':
      return { source: 6, value: 1 }
    case 'U':
      return { source: 10, value: Number.parseInt(raw.slice(at + 2, at + 10), 16) > 0xffff ? 2 : 1 }
    case '\r':
    case '\n': {
      const skipped = /^\\\r?\n[ \t]*/.exec(raw.slice(at))?.[0].length ?? 2
      return { source: skipped, value: 0 }
    }
    default:
      return { source: 2, value: 1 }
  }
}

function flowOffset(raw: string, from: number, offset: number, escapeAt: Escape): number {
  let at = from
  let value = 0
  while (value < offset && at < raw.length) {
    const fold = lineFold(raw, at)
    const step = fold ?? escapeAt(raw, at) ?? { source: 1, value: 1 }
    if (value + step.value > offset) break
    at += step.source
    value += step.value
  }
  return Math.min(at, raw.length)
}

/** Blanks around line breaks vanish; one break is a blank, each further one a line break. */
function lineFold(raw: string, at: number): { source: number; value: number } | null {
  const first = raw[at]
  if (first !== ' ' && first !== '\t' && first !== '\n' && first !== '\r') return null
  let end = at
  let breaks = 0
  for (; end < raw.length; end++) {
    const character = raw[end]
    if (character === '\n') breaks++
    else if (character !== ' ' && character !== '\t' && character !== '\r') break
  }
  return breaks === 0 ? null : { source: end - at, value: breaks === 1 ? 1 : breaks - 1 }
}

/** The indentation that a header such as `|2` states, which is relative to that of its own line; else null. */
function indicatedIndent(text: string, start: number): number | null {
  const digit = /^[|>][-+]?(\d)/.exec(text.slice(start, start + 3))?.[1]
  if (digit === undefined) return null
  const line = text.slice(text.lastIndexOf('\n', start) + 1, start)
  return (/^ *(?:[-?] +)*/.exec(line)?.[0].length ?? 0) + Number(digit)
}

function blockOffset(raw: string, offset: number, folded: boolean, indicated: number | null): number {
  const header = raw.indexOf('\n') + 1
  if (header === 0) return 0
  const indent = indicated ?? /^(?:[ \t]*\r?\n)*( *)/.exec(raw.slice(header))?.[1]?.length ?? 0
  let at = header
  let value = 0
  let blankLines = 0
  while (at < raw.length) {
    const next = raw.indexOf('\n', at)
    const end = next === -1 ? raw.length : next
    const line = raw.slice(at, end).replace(/\r$/, '')
    const content = at + Math.min(indent, /^ */.exec(line)?.[0].length ?? 0)
    const length = Math.max(0, at + line.length - content)
    if (folded && length === 0) blankLines++
    else blankLines = 0
    if (offset <= value + length) return Math.min(content + Math.max(0, offset - value), raw.length)
    value += length
    // The break before a blank line makes no character of its own in a folded block.
    if (!(folded && blankLines === 1)) value += 1
    at = end + 1
  }
  return raw.length
}
