/** Texts from devices on their way to people: without what could break a header, a terminal or a reader's eye. */

// Line breaks, tabs and what counts as one: NEL, line and paragraph separator.
const breaks = /\r\n?|[\u0085\u2028\u2029\v\f]/g
// Controls; the overrides and isolates with which a text shows in another order than it has (RLM and LRM may
// stay: they turn nothing around); the byte order mark; tags, which hide text.
const unseen = /[\0-\u0008\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu
// An emoji's variation and a flag of a region are of several characters, but not of many.
const maxMarks = /(\p{M}{8})\p{M}+/gu

/** At most `maxChars` UTF-16 units, the last of them `…` when it was longer; never half a character. */
export function shorten(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text
  if (maxChars < 1) return ''
  let end = maxChars - 1
  const last = text.charCodeAt(end - 1)
  if (last >= 0xd800 && last <= 0xdbff) end -= 1
  return `${text.slice(0, end).trimEnd()}…`
}

/** Several lines: line breaks are `\n`, at most one of them empty in a row. */
export function cleanText(text: string, maxChars: number): string {
  // What is far longer than what is kept need not be looked at.
  const part = text.length > maxChars * 4 ? text.slice(0, maxChars * 4) : text
  const clean = part
    .toWellFormed()
    .replace(breaks, '\n')
    .replace(unseen, '')
    .replace(maxMarks, '$1')
    .replace(/[^\S\n]+\n/g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
  return shorten(clean, maxChars)
}

/** One line: whatever separates is one blank. */
export function cleanLine(text: string, maxChars: number): string {
  const part = text.length > maxChars * 4 ? text.slice(0, maxChars * 4) : text
  return shorten(cleanText(part, part.length).replace(/\s+/g, ' '), maxChars)
}
