import { describe, expect, it } from 'vitest'
import { auto } from '../../src/decoders/auto/auto.ts'
import { decoding, hex } from './helper.ts'

const { value, refusal } = decoding(auto)

describe('decode: auto', () => {
  it.each([
    ['{"t":36.2}', { t: 36.2 }],
    ['[1,2]', [1, 2]],
    ['"quoted"', 'quoted'],
    ['true', true],
    ['null', null],
    [' true\n', true],
    ['36.2', 36.2],
    [' 36.2 ', 36.2],
    ['1e3', 1000],
    ['-4', -4],
    // Decimal numbers that are not JSON.
    ['+5', 5],
    ['.5', 0.5],
    ['5.', 5],
    ['007', 7],
  ])('reads %j as JSON or a number', (text, expected) => {
    expect(value(text)).toEqual(expected)
  })

  it.each([
    'ON',
    'online',
    'True',
    'trueish',
    'nullable',
    '0x10',
    'NaN',
    'nan',
    'Infinity',
    '-Infinity',
    '12,5',
    '1,2,3',
    '36.2 °C',
    '2026-01-01T00:00:00',
    '192.168.0.1',
    '-',
    '.',
    'e3',
    ' ',
    '{',
    '{"t": NaN}',
    '[info] started',
    '{name}',
    '"open',
    "{'t':1}",
    '1 2',
    '+',
  ])('takes %j for text', (text) => {
    expect(value(text)).toBe(text)
  })

  it('takes a long list of numbers for text, since commas outside of brackets are no items', () => {
    const csv = '1,2,'.repeat(10_000)
    expect(value(csv)).toBe(csv)
  })

  it.each([
    ['too deep', '['.repeat(100_000), /^too-deep/],
    ['too many items', `[${'1,'.repeat(10_001)}1]`, /^too-many-keys/],
    ['a key __proto__', '{"__proto__":1}', /^unsafe-key/],
    ['a JSON number that overflows', '1e999', /^not-finite/],
    ['a decimal number that overflows', '+1e999', /^not-finite/],
    ['bytes that are not UTF-8', hex('4f 4e ff'), /^encoding/],
    ['one megabyte', Buffer.alloc(1_048_576, 'a'), /^too-large/],
  ])('refuses, and does not take for text: %s', (_what, payload, message) => {
    expect(refusal(payload)).toMatch(message)
  })
})
