/** Draws the lines around a place in a file, with carets under it. Values that look like passwords are masked. */
import { printable } from '../core/printable.ts'
import { textWidth } from '../core/text-width.ts'
import type { Position, SourceText } from './source-text.ts'

const linesBefore = 2
const linesAfter = 1
/** Longer lines are cut around the place. */
const maxWidth = 110
const mask = '•••'

/** `endColumn` is exclusive and on the same line. */
export function codeFrame(source: SourceText, at: Position, endColumn: number): string {
  const first = Math.max(1, at.line - linesBefore)
  const last = Math.min(source.lineCount, at.line + linesAfter)
  const gutter = String(last).length
  const lines: string[] = []
  for (let line = first; line <= last; line++) {
    const text = source.line(line)
    // An empty last line is only the end of the one before.
    if (line > at.line && text.trim() === '') continue
    if (line !== at.line) {
      lines.push(`${String(line).padStart(gutter)} | ${cut(maskSecrets(text).text)}`.trimEnd())
      continue
    }
    const shown = markedLine(text, at.column, endColumn)
    lines.push(`${String(line).padStart(gutter)} | ${shown.text}`.trimEnd())
    lines.push(`${' '.repeat(gutter)} | ${' '.repeat(shown.start)}${'^'.repeat(shown.length)}`)
  }
  return lines.join('\n')
}

function markedLine(text: string, column: number, endColumn: number) {
  const masked = maskSecrets(text)
  let characters = [...masked.text]
  let start = masked.map(column - 1)
  let end = Math.max(start + 1, masked.map(endColumn - 1))
  if (characters.length > maxWidth) {
    const from = Math.max(0, Math.min(start - 40, characters.length - maxWidth + 2))
    const window = characters.slice(from, from + maxWidth - 2)
    characters = [
      ...(from > 0 ? '…' : ''),
      ...window,
      ...(from + window.length < characters.length ? '…' : ''),
    ]
    const shift = from > 0 ? from - 1 : 0
    start -= shift
    end = Math.min(end - shift, characters.length)
  }
  // Tabs are as wide as the terminal likes; one blank for each keeps the carets in place.
  const shown = characters.map(printable)
  const before = shown.slice(0, start).join('')
  const marked = shown.slice(start, end).join('')
  return { text: shown.join(''), start: textWidth(before), length: Math.max(1, textWidth(marked)) }
}

function cut(text: string): string {
  const characters = [...text].map(printable)
  return characters.length <= maxWidth
    ? characters.join('')
    : `${characters.slice(0, maxWidth - 1).join('')}…`
}

const secretPatterns = [
  /((?:password|passphrase|secret|token|auth_token|api_key|apikey|routing_key|authorization)["']?\s*:\s+)("(?:[^"\\]|\\.)*"?|'(?:[^']|'')*'?|[^\s,}#][^,}#]*)/gi,
  /(:\/\/[^\s/@:]*:)([^\s/@]+)(?=@)/g,
  // Who knows the address of a chat can often write there.
  /(\burl["']?\s*:\s+["']?https?:\/\/[^\s"'/,}]+)(\/[^\s"',}]{11,})/gi,
]

interface Masked {
  readonly text: string
  /** From a character of the line to the one that stands for it. */
  map(index: number): number
}

function maskSecrets(line: string): Masked {
  const spans: { start: number; end: number }[] = []
  for (const pattern of secretPatterns) {
    for (const match of line.matchAll(pattern)) {
      const value = match[2] ?? ''
      if (/^["']?(?:\$\{[^}]*\})*["']?\s*$/.test(value)) continue
      const start = [...line.slice(0, match.index + (match[1] ?? '').length)].length
      spans.push({ start, end: start + [...value.trimEnd()].length })
    }
  }
  if (spans.length === 0) return { text: line, map: (index) => index }
  const characters = [...line]
  const from: number[] = []
  let text = ''
  let length = 0
  for (let index = 0; index <= characters.length; index++) {
    const span = spans.find(({ start, end }) => index >= start && index < end)
    if (span === undefined) {
      from[index] = length
      text += characters[index] ?? ''
      length++
    } else if (index === span.start) {
      from[index] = length
      text += mask
      length += mask.length
    } else from[index] = length
  }
  return { text, map: (index) => from[Math.min(index, characters.length)] ?? length }
}
