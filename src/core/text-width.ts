/** How many columns of a terminal a text takes, and texts cut or padded to columns, never within a character. */

/** Signs that begin with nothing to see: accents, joiners, variation selectors, the vowels of Hangul syllables. */
const invisible = /^[\p{Mn}\p{Me}\p{Cf}\p{Cc}\u1160-\u11ff]$/u
/** Shown as a picture two columns wide, also when more signs follow: flags, families, keys. */
const picture = /\p{Emoji_Presentation}|\ufe0f/u
const plain = /^[\x20-\x7e]*$/
const colourCode = /^\u001b\[[0-9;]*m/

/** East Asian Wide and Fullwidth of Unicode 16 (UAX 11) in blocks; what is unassigned between them counts as wide. */
const wideBlocks: readonly (readonly [first: number, last: number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97c],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff01, 0xff60],
  [0xffe0, 0xffe6],
  [0x16fe0, 0x1b2ff],
  [0x1d300, 0x1d376],
  [0x1f200, 0x1f265],
  [0x20000, 0x3fffd],
]

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

function isWide(code: number): boolean {
  return code >= 0x1100 && wideBlocks.some(([first, last]) => code >= first && code <= last)
}

/** Columns of one character as a reader sees it, which may be made of several code points. */
function characterWidth(character: string): number {
  if (character.length === 1 && character >= ' ' && character <= '~') return 1
  if (picture.test(character)) return 2
  let width = 0
  for (const sign of character) if (!invisible.test(sign)) width += isWide(sign.codePointAt(0) ?? 0) ? 2 : 1
  return width
}

/** Columns that a text takes; it has no colour codes. */
export function textWidth(text: string): number {
  if (plain.test(text)) return text.length
  let width = 0
  for (const { segment } of segmenter.segment(text)) width += characterWidth(segment)
  return width
}

/** Length (in UTF-16 units) of the longest start that takes at most so many columns; it has no colour codes. */
export function lengthWithin(text: string, columns: number): number {
  let width = 0
  for (const { segment, index } of segmenter.segment(text)) {
    width += characterWidth(segment)
    if (width > columns) return index
  }
  return text.length
}

/** A text that takes at most so many columns; one that was cut ends with `…`. Colour codes take none and are closed. */
export function cutToWidth(text: string, columns: number): string {
  if (text.length <= columns && plain.test(text)) return text
  let width = 0
  let coloured = false
  /** Where the text would have to end to leave room for the sign. */
  let lastFit = 0
  for (let index = 0; index < text.length; ) {
    const code = colourCode.exec(text.slice(index, index + 16))?.[0]
    if (code !== undefined) {
      coloured = true
      index += code.length
      if (width < columns) lastFit = index
      continue
    }
    const next = text.indexOf('\u001b', index + 1)
    for (const { segment } of segmenter.segment(text.slice(index, next < 0 ? text.length : next))) {
      width += characterWidth(segment)
      if (width > columns) return `${text.slice(0, lastFit)}…${coloured ? '\u001b[0m' : ''}`
      index += segment.length
      if (width < columns) lastFit = index
    }
  }
  return text
}

/** The text with blanks behind it, up to so many columns. */
export function padToWidth(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - textWidth(text)))
}
