/** Segments, counted against a second way: the bytes that go over the air, packed one by one. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { septetsOf } from '../../../src/channels/sms/gsm-alphabet.ts'
import { segmentsOf } from '../../../src/channels/sms/segments.ts'
import { transliterate } from '../../../src/channels/sms/transliterate.ts'

/** The default alphabet of 3GPP TS 23.038 by code point, in the order of its table; 0x1B is the escape. */
const table = [
  [0x40, 0xa3, 0x24, 0xa5, 0xe8, 0xe9, 0xf9, 0xec, 0xf2, 0xc7, 0x0a, 0xd8, 0xf8, 0x0d, 0xc5, 0xe5],
  [0x394, 0x5f, 0x3a6, 0x393, 0x39b, 0x3a9, 0x3a0, 0x3a8, 0x3a3, 0x398, 0x39e, -1, 0xc6, 0xe6, 0xdf, 0xc9],
  [0x20, 0x21, 0x22, 0x23, 0xa4, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f],
  [0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f],
  [0xa1, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x4b, 0x4c, 0x4d, 0x4e, 0x4f],
  [0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0xc4, 0xd6, 0xd1, 0xdc, 0xa7],
  [0xbf, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
  [0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0xe4, 0xf6, 0xf1, 0xfc, 0xe0],
].flat()
const extension = new Map([
  [0x0c, 0x0a],
  [0x5e, 0x14],
  [0x7b, 0x28],
  [0x7d, 0x29],
  [0x5c, 0x2f],
  [0x5b, 0x3c],
  [0x7e, 0x3d],
  [0x5d, 0x3e],
  [0x7c, 0x40],
  [0x20ac, 0x65],
])

/** The bits of each character, or null when one is not in the alphabet. */
function gsmBits(text: string): string[] | null {
  const bits = (septet: number) => septet.toString(2).padStart(7, '0')
  const all: string[] = []
  for (const character of text) {
    const code = character.codePointAt(0) ?? -1
    const escaped = extension.get(code)
    const plain = table.indexOf(code)
    if (plain >= 0) all.push(bits(plain))
    else if (escaped !== undefined) all.push(bits(0x1b) + bits(escaped))
    else return null
  }
  return all
}

/** Fills messages of 140 bytes with whole characters; several of them begin with a header of 6 bytes. */
function segmentsOnAir(text: string): number {
  const gsm = gsmBits(text)
  const characters = gsm ?? [...text].map((character) => '0'.repeat(character.length * 16))
  if (characters.join('').length <= 140 * 8) return 1
  // Septets begin on a septet's boundary after the header.
  const room = gsm === null ? 134 * 8 : Math.floor((134 * 8) / 7) * 7
  const messages: string[] = ['']
  for (const character of characters) {
    const last = messages.at(-1) ?? ''
    if (last.length + character.length <= room) messages[messages.length - 1] = last + character
    else messages.push(character)
  }
  return messages.length
}

const characters = fc.oneof(
  fc.constantFrom(...'abcXYZ 019.,-+äöüß€{}[]~^|\\\n'),
  fc.constantFrom('°', '–', 'й', '中', '🔥', 'é', 'e\u0301', '👨‍👩‍👧'),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
)
const texts = fc.oneof(
  fc.array(fc.constantFrom(...'abc €{', 'ä'), { maxLength: 480 }).map((all) => all.join('')),
  fc.array(characters, { maxLength: 300 }).map((all) => all.join('')),
)

describe('segments', () => {
  test('the alphabet is the one of the specification', () => {
    const wrong: number[] = []
    for (let code = 0; code <= 0xffff; code += 1) {
      if (code >= 0xd800 && code <= 0xdfff) continue
      const expected = table.includes(code) ? 1 : extension.has(code) ? 2 : null
      if (septetsOf(String.fromCodePoint(code)) !== expected) wrong.push(code)
    }
    expect(wrong).toEqual([])
  })

  test.each([
    ['', 'GSM-7', 0, 1],
    ['a'.repeat(160), 'GSM-7', 160, 1],
    ['a'.repeat(161), 'GSM-7', 161, 2],
    ['a'.repeat(306), 'GSM-7', 306, 2],
    ['a'.repeat(307), 'GSM-7', 307, 3],
    ['€'.repeat(80), 'GSM-7', 160, 1],
    ['€'.repeat(81), 'GSM-7', 162, 2],
    ['°'.repeat(70), 'UCS-2', 70, 1],
    ['°'.repeat(71), 'UCS-2', 71, 2],
    ['🔥'.repeat(35), 'UCS-2', 70, 1],
    // 66 units in the first: a pair is not divided.
    ['🔥'.repeat(67), 'UCS-2', 134, 3],
    [`${'a'.repeat(152)}€${'a'.repeat(151)}`, 'GSM-7', 305, 2],
    [`${'a'.repeat(152)}€${'a'.repeat(152)}`, 'GSM-7', 306, 3],
  ] as const)('%# are counted by the book', (text, encoding, units, segments) => {
    expect(segmentsOf(text)).toEqual({ encoding, units, segments })
  })

  test('any text takes as many messages as its bits fill', () => {
    fc.assert(
      fc.property(texts, (text) => {
        expect(segmentsOf(text).segments).toBe(segmentsOnAir(text))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('rewriting in the alphabet of short messages', () => {
  test.each([
    ['36.2 °C, 97°F and 12°', '36.2 C, 97 F and 12 deg'],
    ['“hot” – it’s ≥ 35…', '"hot" - it\'s >= 35...'],
    ['Škoda łódź çà naïve', 'Skoda lodz cà naive'],
    ['äöüß ÄÖÜ ñ é è', 'äöüß ÄÖÜ ñ é è'],
    ['12 µg/m³ → ½', '12 ug/m3 -> 1/2'],
    ['🔥 fire 👨‍👩‍👧 here', ' fire here'],
    ['a\u00a0b\u2009c\td', 'a b c d'],
    ['ﬁne １２', 'fine 12'],
  ])('%j', (text, expected) => {
    expect(transliterate(text)).toBe(expected)
  })

  test.each(['Привет', '温度', 'θερμό', 'חם'])('gives up on %s', (text) => {
    expect(transliterate(text)).toBeNull()
  })

  test('what it gives is in the alphabet, and stays so', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const written = transliterate(text)
        if (written === null) return
        expect(gsmBits(written)).not.toBeNull()
        expect(transliterate(written)).toBe(written)
      }),
      { numRuns: 1_000 },
    )
  })
})
