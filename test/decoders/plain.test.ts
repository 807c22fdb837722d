/** The decoders of payloads that are one plain value: number, boolean, text, binary. */
import { describe, expect, it } from 'vitest'
import { binary } from '../../src/decoders/binary/binary.ts'
import { boolean } from '../../src/decoders/boolean/boolean.ts'
import { number } from '../../src/decoders/number/number.ts'
import { text } from '../../src/decoders/text/text.ts'
import { decoding, hex } from './helper.ts'

describe('decode: number', () => {
  const { value, refusal } = decoding(number)

  it.each([
    ['36.2', 36.2],
    [' 36.2\r\n', 36.2],
    ['-4', -4],
    ['+4', 4],
    ['1e3', 1000],
    ['1.5E-2', 0.015],
    ['.5', 0.5],
    ['5.', 5],
    ['007', 7],
    ['\ufeff21', 21],
  ])('reads %j', (sent, expected) => {
    expect(value(sent)).toBe(expected)
  })

  it.each([
    ['12,5', "syntax: '12,5' is not a number: use a point, not a comma"],
    ['36.2 °C', "syntax: '36.2 °C' is not a number: send it without a unit, or use decode: text"],
    ['55%', "syntax: '55%' is not a number: send it without a unit, or use decode: text"],
    ['{"t":1}', 'syntax: \'{"t":1}\' is not a number: it looks like JSON, use decode: json'],
    ['0x10', "syntax: '0x10' is not a number: write digits, such as 36.2"],
    ['  ', "syntax: '' is not a number: the payload is only space"],
    ['1 2', "syntax: '1 2' is not a number: write digits, such as 36.2"],
    ['nan', "not-finite: 'nan' is not a number that can be compared"],
    ['-Infinity', "not-finite: '-Infinity' is not a number that can be compared"],
    ['1e999', "not-finite: '1e999' is too large to compute with (above 1.8e308)"],
  ])('refuses %j and says what to send', (sent, message) => {
    expect(refusal(sent)).toBe(message)
  })

  it('refuses digits of another script, and a wall of digits in no time', () => {
    expect(refusal('٣')).toMatch(/^syntax/)
    expect(refusal(`${'1'.repeat(200_000)}x`)).toMatch(/^syntax: '1{32}…' is not a number/)
  })
})

describe('decode: boolean', () => {
  const { value, refusal } = decoding(boolean)

  it('reads the words of switches and availability topics, in capitals or not', () => {
    for (const word of ['true', 'ON', 'On', 'yes', '1', ' online\n']) expect(value(word)).toBe(true)
    for (const word of ['false', 'OFF', 'Off', 'no', '0', 'Offline']) expect(value(word)).toBe(false)
  })

  it('refuses words whose meaning differs by vendor, and words of objects', () => {
    expect(refusal('open')).toBe(
      "syntax: 'open' is not true/false, on/off, yes/no, 1/0 or online/offline; use decode: text and compare",
    )
    expect(refusal('constructor')).toMatch(/^syntax/)
    expect(refusal('2')).toMatch(/^syntax/)
  })
})

describe('decode: text', () => {
  const { value, refusal } = decoding(text)

  it('keeps the text as it is, without the byte order mark', () => {
    expect(value(' {"t":1}\n')).toBe(' {"t":1}\n')
    expect(value(hex('ef bb bf 4f 4e'))).toBe('ON')
  })

  it('refuses bytes that are not UTF-8', () => {
    expect(refusal(hex('4f ff'))).toBe(
      'encoding: The payload is not UTF-8 text; if it is meant to be bytes, use decode: binary',
    )
  })
})

describe('decode: binary', () => {
  it('hands out a copy, so that the read buffer may be used again', () => {
    const buffer = Buffer.from([1, 2, 255])
    const copy = decoding(binary).value(buffer)
    buffer.fill(0)
    expect(copy).toEqual(new Uint8Array([1, 2, 255]))
    expect(Buffer.isBuffer(copy)).toBe(false)
  })
})
