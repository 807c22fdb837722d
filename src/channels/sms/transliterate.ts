/** Rewrites a text in the alphabet of short messages, where that loses nothing that matters. */
import { isGsm, septetsOf } from './gsm-alphabet.ts'

const replacements: Readonly<Record<string, string>> = {
  '\t': ' ',
  '`': "'",
  '´': "'",
  '‘': "'",
  '’': "'",
  '‚': "'",
  '‛': "'",
  '′': "'",
  '‹': "'",
  '›': "'",
  '“': '"',
  '”': '"',
  '„': '"',
  '‟': '"',
  '″': '"',
  '«': '"',
  '»': '"',
  '‐': '-',
  '‑': '-',
  '‒': '-',
  '–': '-',
  '—': '-',
  '―': '-',
  '−': '-',
  '•': '-',
  '·': '.',
  '…': '...',
  '×': 'x',
  '÷': '/',
  '±': '+/-',
  '≤': '<=',
  '≥': '>=',
  '≠': '!=',
  '≈': '~',
  '→': '->',
  '←': '<-',
  '⇒': '=>',
  '↑': 'up',
  '↓': 'down',
  '∆': 'Δ',
  '∞': 'inf',
  '‰': '/1000',
  '¢': 'c',
  '©': '(c)',
  '®': '(R)',
  '™': 'TM',
  '№': 'No',
  '¹': '1',
  '²': '2',
  '³': '3',
  '¼': '1/4',
  '½': '1/2',
  '¾': '3/4',
  µ: 'u',
  μ: 'u',
  ç: 'c',
  ł: 'l',
  Ł: 'L',
  đ: 'd',
  Đ: 'D',
  ð: 'd',
  Ð: 'D',
  þ: 'th',
  Þ: 'Th',
  œ: 'oe',
  Œ: 'OE',
  ı: 'i',
  ħ: 'h',
  ĸ: 'k',
  ẞ: 'SS',
  ŋ: 'n',
}

/** Pictures and the invisible marks around them say nothing that the words do not. */
const droppable = /^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\p{Cf}]$/u

/** The text in GSM-7, or null when it has letters for which that alphabet has no likeness. */
export function transliterate(text: string): string | null {
  const composed = text
    .normalize('NFC')
    .replace(/\s?[°º˚]\s?(?=[CFK]\b)/g, ' ')
    .replace(/\s?[°˚]/g, ' deg')
  let written = ''
  for (const character of composed) {
    const likeness = likenessOf(character)
    if (likeness === null) return null
    written += likeness
  }
  return written.replace(/ {2,}/g, ' ')
}

function likenessOf(character: string): string | null {
  if (septetsOf(character) !== null) return character
  const replacement = replacements[character]
  if (replacement !== undefined) return replacement
  if (/^\p{Zs}$/u.test(character)) return ' '
  if (droppable.test(character)) return ''
  // A letter without its accent is still that letter; full-width forms have ordinary ones.
  const bare = character.normalize('NFKD').replace(/\p{M}/gu, '')
  return (bare !== '' && isGsm(bare)) || /^\p{M}$/u.test(character) ? bare : null
}
