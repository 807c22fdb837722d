import { ExtData, encode } from '@msgpack/msgpack'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { msgpack } from '../../src/decoders/msgpack/msgpack.ts'
import { decoding, hex } from './helper.ts'

const { value, refusal } = decoding(msgpack)

describe('decode: msgpack', () => {
  it('reads what an encoder writes, in every width', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (sent) => {
        const bytes = encode(sent)
        fc.pre(!JSON.stringify(sent).includes('__proto__'))
        // Neither JSON nor the encoder keeps the sign of zero.
        expect(value(bytes)).toEqual(JSON.parse(JSON.stringify(sent)))
      }),
    )
    const wide = { text: 'ü'.repeat(70_000), list: Array.from({ length: 3_000 }, (_, at) => at * 1_000) }
    expect(value(encode(wide))).toEqual(wide)
    expect(value(encode('x'.repeat(300)))).toHaveLength(300)
  })

  it.each([
    ['integers of 64 bits as numbers', '92 cf 0000000000000007 d3 ffffffffffffffff', [7, -1]],
    ['an integer above 2^53 as its digits', 'cf ffffffffffffffff', '18446744073709551615'],
    ['a negative one likewise', 'd3 8000000000000000', '-9223372036854775808'],
    ['numbers as keys', '83 01 02 ff 03 cf 0000000000000009 04', { 1: 2, '-1': 3, 9: 4 }],
    ['byte strings', '91 c4 02 0102', [new Uint8Array([1, 2])]],
    ['a timestamp of 32 bits', 'd6 ff 514b67b0', '2013-03-21T20:04:00.000Z'],
    ['a timestamp of 64 bits', 'd7 ff 77359400 514b67b0', '2013-03-21T20:04:00.500Z'],
    ['a timestamp of 96 bits', 'c7 0c ff 00000000 ffffffffffffffff', '1969-12-31T23:59:59.000Z'],
    ['a float of 32 bits', 'ca 3fc00000', 1.5],
    ['an empty array, map and text', '93 90 80 a0', [[], {}, '']],
  ])('reads %s', (_what, bytes, expected) => {
    expect(value(hex(bytes))).toEqual(expected)
  })

  it.each([
    ['NaN', 'cb 7ff8000000000000', /^not-finite: The payload has the number NaN/],
    ['Infinity inside', '91 ca 7f800000', /^not-finite/],
    ['a key __proto__', '81 a9 5f5f70726f746f5f5f 80', /^unsafe-key/],
    ['a key __proto__ in a longer form', '81 d9 09 5f5f70726f746f5f5f 80', /^unsafe-key/],
    ['an array as a key', '81 90 01', /^syntax: Not valid MessagePack: a key is neither text nor a number/],
    ['nil as a key', '81 c0 01', /^syntax/],
    ['bytes as a key', '81 c4 01 61 01', /^syntax/],
    ['a text that is not UTF-8', 'a2 c328', 'encoding: The payload has a text that is not UTF-8'],
    ['a key that is not UTF-8', '81 a2 c328 01', /^encoding/],
    [
      'the byte that begins nothing',
      'c1',
      'syntax: Not valid MessagePack: no value begins with the byte 0xc1',
    ],
    ['bytes after the value', '01 02', /^syntax: .* 1 more bytes follow after the end of the value/],
    ['a text cut short', 'a5 6161', 'syntax: Not valid MessagePack: it ends too early'],
    ['a map cut short', '81 a1 61', /^syntax: .* ends too early/],
    ['an array of 2^32-1', 'dd ffffffff 01', /^syntax: .* ends too early/],
    ['a timestamp of 5 bytes', 'c7 05 ff 0000000000', /^syntax: .* a timestamp cannot have 5 bytes/],
    ['a timestamp beyond the calendar', 'c7 0c ff 00000000 7fffffffffffffff', /^syntax: .* calendar/],
  ])('refuses %s', (_what, bytes, message) => {
    if (typeof message === 'string') expect(refusal(hex(bytes))).toBe(message)
    else expect(refusal(hex(bytes))).toMatch(message)
  })

  it('refuses extension types that it does not know', () => {
    expect(refusal(encode(new ExtData(5, new Uint8Array(3))))).toMatch(/extension type 5 is not known/)
  })

  it('tells somebody who sent JSON', () => {
    expect(refusal('{"t":1}')).toBe('syntax: Not valid MessagePack: it looks like JSON, use decode: json')
  })

  it('counts depth and items exactly', () => {
    const sent = { a: [1, 2], b: {}, c: [[]] }
    expect(value(encode(sent), { depth: 3, keys: 6 })).toEqual(sent)
    expect(refusal(encode(sent), { depth: 2 })).toMatch(/^too-deep/)
    expect(refusal(encode(sent), { keys: 5 })).toMatch(/^too-many-keys/)
    expect(refusal(new Uint8Array(100_000).fill(0x91))).toMatch(/^too-deep/)
  })

  it('does not set aside room that nested headers only declare', () => {
    // 30,000 headers of 10,000 items each would be 2.4 GB if they were believed.
    const headers = new Uint8Array(90_000).map((_, at) => [0xdc, 0x27, 0x10][at % 3] ?? 0)
    expect(refusal(headers)).toMatch(/^too-many-keys/)
  })

  it('copies byte strings out of the payload', () => {
    const payload = Buffer.from(hex('91 c4 02 0102'))
    const decoded = value(payload)
    payload.fill(0)
    expect(decoded).toEqual([new Uint8Array([1, 2])])
  })
})
