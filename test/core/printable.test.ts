import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printable } from '../../src/core/printable.ts'

test.each([
  ['an escape sequence', 'a\u001b[2Jb', 'a [2Jb'],
  ['a bell and a backspace', 'a\u0007\bb', 'a b'],
  ['an 8-bit control sequence', 'a\u009b31mb', 'a 31mb'],
  ['lines', 'a\r\nb\u2028c', 'a b c'],
  ['signs that turn the text around', 'abc\u202etxt.exe\u2066x', 'abc txt.exe x'],
  ['half a character', 'a\ud83d', 'a '],
  ['what is not ASCII', 'Küche 温度 🙂 👨‍👩‍👧', 'Küche 温度 🙂 👨‍👩‍👧'],
])('%s', (_name, text, shown) => {
  expect(printable(text)).toBe(shown)
})

describe('whatever goes in', () => {
  test('no control character comes out, and nothing is left to be done', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = printable(text)
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u)
        expect(printable(shown)).toBe(shown)
      }),
    )
  })
})
