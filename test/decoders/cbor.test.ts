import { encode } from 'cborg'
import { describe, expect, it } from 'vitest'
import { cbor } from '../../src/decoders/cbor/cbor.ts'
import { decoding, hex } from './helper.ts'

const { value, refusal } = decoding(cbor)

describe('decode: cbor', () => {
  it('reads what an encoder writes', () => {
    const reading = {
      timestamp: '2026-01-01T00:00:00',
      temperature: 36.2,
      list: [1, { ok: true }],
      none: null,
    }
    expect(value(encode(reading))).toEqual(reading)
    expect(value(encode('grüße'))).toBe('grüße')
    expect(value(encode('\ufffd'))).toBe('\ufffd')
  })

  it.each([
    ['an indefinite array and map', '9f 01 bf 61 61 02 ff ff', [1, { a: 2 }]],
    ['an undefined as null', '81 f7', [null]],
    ['numbers as keys', 'a3 01 02 20 03 fb3ff8000000000000 04', { 1: 2, '-1': 3, '1.5': 4 }],
    ['an integer above 2^53 as its digits', '1b ffffffffffffffff', '18446744073709551615'],
    ['a negative one likewise', '3b ffffffffffffffff', '-18446744073709551616'],
    ['a large key likewise', 'a1 1b ffffffffffffffff 01', { '18446744073709551615': 1 }],
    ['an integer in more bytes than it needs', '1b 0000000000000001', 1],
    ['byte strings', '43 010203', new Uint8Array([1, 2, 3])],
    ['tag 0 as its text', 'c0 74 323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'],
    ['tag 1 as ISO 8601', 'c1 1a 514b67b0', '2013-03-21T20:04:00.000Z'],
    ['tag 1 with a fraction', 'c1 fb 41d452d9ec200000', '2013-03-21T20:04:00.500Z'],
    ['the tag that says it is CBOR', 'd9d9f7 83 01 02 03', [1, 2, 3]],
    ['a half float', 'f9 3e00', 1.5],
  ])('reads %s', (_what, bytes, expected) => {
    expect(value(hex(bytes))).toEqual(expected)
  })

  it.each([
    [
      'NaN',
      'f9 7e00',
      'not-finite: The payload has the number NaN, which cannot be compared; send null instead',
    ],
    ['Infinity inside', '81 fa 7f800000', /^not-finite: .* Infinity/],
    ['Infinity as a key', 'a1 f9 7c00 01', /^not-finite/],
    ['a key __proto__', 'a1 69 5f5f70726f746f5f5f a0', /^unsafe-key/],
    ['an array as a key', 'a1 80 01', /^syntax: Not valid CBOR: a key is of type array, but keys must be/],
    ['a tag as a key', 'a1 c0 61 61 01', /^syntax: .* type tag/],
    ['undefined as a key', 'a1 f7 01', /^syntax/],
    ['an unknown tag', 'c2 41 01', 'syntax: Not valid CBOR: tag not supported (2)'],
    ['a tag without content', 'c1', /^syntax/],
    ['a date that is a number', 'c0 01', /^syntax: .*must be text/],
    ['a time beyond the calendar', 'c1 1b 00ffffffffffffff', /^syntax: Not valid CBOR: /],
    ['a text that is not UTF-8', '62 c328', 'encoding: The payload has a text that is not UTF-8'],
    ['a long text that is not UTF-8', `78 28 ${'61'.repeat(39)} ff`, /^encoding/],
    ['a key that is not UTF-8', 'a1 62 c328 01', /^encoding/],
    [
      'bytes after the value',
      '01 02',
      'syntax: Not valid CBOR: 1 more bytes follow after the end of the value',
    ],
    ['a text cut short', '65 6161', /^syntax/],
    ['an array cut short', '9b 0000000100000000 01', /^syntax/],
    ['a break for a value', 'bf 61 61 ff ff', 'syntax: Not valid CBOR: it has a break where nothing can end'],
    ['a break in a definite array', '82 01 ff', /^syntax/],
    ['a break alone', 'ff', /^syntax/],
    ['a break in a tag', '9f c1 ff', /^syntax/],
  ])('refuses %s', (_what, bytes, message) => {
    if (typeof message === 'string') expect(refusal(hex(bytes))).toBe(message)
    else expect(refusal(hex(bytes))).toMatch(message)
  })

  it('tells somebody who sent JSON', () => {
    expect(refusal('{"t":1}')).toBe('syntax: Not valid CBOR: it looks like JSON, use decode: json')
  })

  it('counts depth and items exactly', () => {
    const reading = encode({ a: [1, 2], b: {}, c: [[]] })
    expect(value(reading, { depth: 3, keys: 6 })).toEqual({ a: [1, 2], b: {}, c: [[]] })
    expect(refusal(reading, { depth: 2 })).toMatch(/^too-deep/)
    expect(refusal(reading, { keys: 5 })).toMatch(/^too-many-keys/)
    expect(refusal(hex('9f 01 02 03 ff'), { keys: 2 })).toMatch(/^too-many-keys/)
    expect(refusal(new Uint8Array(100_000).fill(0x9f))).toMatch(/^too-deep/)
    expect(refusal(new Uint8Array(100_000).fill(0xc1))).toMatch(/^too-deep/)
  })

  it('copies byte strings out of the payload, also when that is a Buffer', () => {
    const payload = Buffer.from(hex('81 42 0102'))
    const decoded = value(payload)
    payload.fill(0)
    expect(decoded).toEqual([new Uint8Array([1, 2])])
  })
})
