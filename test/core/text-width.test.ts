import { stripVTControlCharacters } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cutToWidth, lengthWithin, padToWidth, textWidth } from '../../src/core/text-width.ts'

test.each([
  ['', 0],
  ['plain text', 10],
  ['Küche', 5],
  ['Ku\u0308che', 5],
  ['温度', 4],
  ['온도', 4],
  ['\u1112\u1161\u11ab', 2],
  ['ｱ', 1],
  ['ＡＢ', 4],
  ['→ ● ▲ …', 7],
  ['🙂', 2],
  ['👨‍👩‍👧', 2],
  ['🇩🇪', 2],
  ['☀', 1],
  ['☀️', 2],
  ['𠮷', 2],
])('%s takes %i columns', (text, columns) => {
  expect(textWidth(text)).toBe(columns)
})

describe('a text that is cut', () => {
  test.each([
    ['short', 5, 'short'],
    ['longer', 5, 'long…'],
    ['温度温度', 8, '温度温度'],
    ['温度温度', 7, '温度温…'],
    ['温度温度', 6, '温度…'],
    ['🙂🙂🙂', 4, '🙂…'],
    ['ab👨‍👩‍👧cd', 4, 'ab…'],
    ['\u001b[31mred\u001b[39m', 3, '\u001b[31mred\u001b[39m'],
    ['\u001b[31mredder\u001b[39m', 4, '\u001b[31mred…\u001b[0m'],
  ])('%j to %i columns', (text, columns, cut) => {
    expect(cutToWidth(text, columns)).toBe(cut)
  })

  test('takes no more columns than there are, and never ends within a character', () => {
    const piece = fc.constantFrom('a', ' ', '温', '🙂', '👨‍👩‍👧', 'e\u0301', '🇩🇪', '\u001b[1m', '\u001b[22m')
    fc.assert(
      fc.property(fc.array(piece), fc.integer({ min: 1, max: 30 }), (pieces, columns) => {
        const cut = stripVTControlCharacters(cutToWidth(pieces.join(''), columns))
        expect(textWidth(cut)).toBeLessThanOrEqual(columns)
        const whole = stripVTControlCharacters(pieces.join(''))
        if (cut !== whole) expect(`${whole}`.startsWith(cut.slice(0, -1))).toBe(true)
        expect(cut).not.toMatch(/\p{Cs}/u)
      }),
    )
  })
})

test('the longest start that fits ends before a character that does not', () => {
  expect(lengthWithin('温度温度', 5)).toBe(2)
  expect(lengthWithin('a🙂🙂', 4)).toBe(3)
  expect(lengthWithin('fits', 4)).toBe(4)
})

test('cells are padded to columns, not to characters', () => {
  expect(padToWidth('温度', 6)).toBe('温度  ')
  expect(padToWidth('too long', 3)).toBe('too long')
})
