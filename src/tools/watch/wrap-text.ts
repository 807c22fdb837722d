/** Breaks a text for people into lines of a terminal, at blanks where it can. */
import { cutToWidth, lengthWithin, textWidth } from '../../core/text-width.ts'

/** At most `lineLimit` lines of at most `columns`; the last one is cut where there is more. It has no colour codes. */
export function wrapText(text: string, columns: number, lineLimit: number): readonly string[] {
  const width = Math.max(1, columns)
  const lines: string[] = []
  let rest = text
  while (textWidth(rest) > width && lines.length < lineLimit - 1) {
    const most = Math.max(1, lengthWithin(rest, width))
    const blank = rest.lastIndexOf(' ', most)
    const end = blank > most / 2 ? blank : most
    lines.push(rest.slice(0, end))
    rest = rest.slice(end).trimStart()
  }
  return [...lines, cutToWidth(rest, width)]
}
