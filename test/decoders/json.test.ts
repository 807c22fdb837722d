import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { json } from '../../src/decoders/json/json.ts'
import { decoding, hex } from './helper.ts'

const { value, refusal } = decoding(json)

describe('decode: json', () => {
  it('reads what JSON.parse reads', () => {
    const text = '{"timestamp":"2026-01-01T00:00:00","temperature":36.2,"list":[1,{"ok":true}],"none":null}'
    expect(value(text)).toEqual(JSON.parse(text))
    expect(value(' "quoted" ')).toBe('quoted')
    expect(value('-0.5e3')).toBe(-500)
  })

  it('ignores a byte order mark', () => {
    expect(value(hex('ef bb bf 7b 7d'))).toEqual({})
  })

  it('lets the last of two equal keys win, as JSON.parse does', () => {
    expect(value('{"t":1,"t":2}')).toEqual({ t: 2 })
  })

  it.each([
    ['{"t": NaN}', 'syntax: Not valid JSON: NaN is not a JSON number; send null, or leave the key out'],
    ['[Infinity]', 'syntax: Not valid JSON: Infinity is not a JSON number; send null, or leave the key out'],
    ['{"t": -Infinity}', /^syntax: Not valid JSON: .*-Infinity is not a JSON number/],
    ["{'t': 1}", 'syntax: Not valid JSON: keys and texts need double quotes, not single ones'],
    ['{"t": 1,}', 'syntax: Not valid JSON: Expected double-quoted property name, line 1 column 9'],
    ['{"t": 1', /^syntax: Not valid JSON: Expected ',' or '}' after property value, line 1/],
    ['{"t":', 'syntax: Not valid JSON: it ends too early, \'{"t":\''],
    ['ON', /^syntax: Not valid JSON: Unexpected token 'O'/],
    ['01', /^syntax: /],
    ['[1e999]', 'not-finite: The payload has a number that is too large to compute with (above 1.8e308)'],
    [`{"t":{"u":-${'9'.repeat(400)}}}`, /^not-finite: /],
  ])('refuses %s', (text, message) => {
    if (typeof message === 'string') expect(refusal(text)).toBe(message)
    else expect(refusal(text)).toMatch(message)
  })

  it('refuses a key __proto__ however it is written, at any depth', () => {
    expect(refusal('{"__proto__":{"admin":true}}')).toBe(
      "unsafe-key: The key '__proto__' is not accepted in a payload",
    )
    expect(refusal('[{"a":{"\\u005F_proto__":1}}]')).toMatch(/^unsafe-key/)
  })

  it('keeps constructor and the like as the data they are', () => {
    expect(value('{"constructor":{"prototype":1},"text":"__proto__"}')).toEqual({
      constructor: { prototype: 1 },
      text: '__proto__',
    })
  })

  it('refuses text that is not UTF-8, and reads the next payload as if nothing had been', () => {
    expect(refusal(hex('22 c3 28 22'))).toMatch(/^encoding: /)
    expect(value('"é"')).toBe('é')
  })

  it('counts depth exactly, brackets in strings aside', () => {
    expect(value('[[{}]]', { depth: 3 })).toEqual([[{}]])
    expect(refusal('[[{}]]', { depth: 2 })).toBe(
      'too-deep: Arrays and objects are nested more than 2 deep, the limit',
    )
    expect(value('[["[[[[", "\\"{{{{"], [], []]', { depth: 2 })).toEqual([['[[[[', '"{{{{'], [], []])
  })

  it('refuses 100,000 nested arrays by their depth, not by their syntax', () => {
    expect(refusal('['.repeat(100_000))).toMatch(/^too-deep/)
    expect(refusal('{"a":'.repeat(20_000))).toMatch(/^too-deep/)
  })

  it('counts keys and items exactly, commas in strings aside', () => {
    expect(value('{"a,b":[1, 2],"c":[ ]}', { keys: 4 })).toEqual({ 'a,b': [1, 2], c: [] })
    expect(refusal('{"a,b":[1, 2],"c":[ ]}', { keys: 3 })).toBe(
      'too-many-keys: The payload has more than 3 keys and items, the limit',
    )
    expect(value(`[${'1,'.repeat(9_999)}1]`)).toHaveLength(10_000)
    expect(refusal(`[${'1,'.repeat(10_000)}1]`)).toMatch(/^too-many-keys/)
  })

  it('accepts a document exactly when its value is within depth and keys', () => {
    const measure = (part: unknown): { depth: number; keys: number } => {
      if (typeof part !== 'object' || part === null) return { depth: 0, keys: 0 }
      const inner = Object.values(part).map(measure)
      return {
        depth: 1 + Math.max(0, ...inner.map((one) => one.depth)),
        keys: inner.length + inner.reduce((sum, one) => sum + one.keys, 0),
      }
    }
    fc.assert(
      fc.property(
        fc.json({ depthSize: 'large' }).filter((text) => !/__proto__|\\u/.test(text)),
        fc.nat(6),
        fc.nat(20),
        fc.boolean(),
        (text, depth, keys, spaced) => {
          const sent = spaced ? JSON.stringify(JSON.parse(text), null, 1) : text
          const size = measure(JSON.parse(sent))
          const within = size.depth <= depth && size.keys <= keys
          return (refusal(sent, { depth, keys }) === null) === within
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('refuses one megabyte by its size', () => {
    expect(refusal(Buffer.alloc(1_048_576, '['))).toBe(
      'too-large: The payload has 1048576 bytes, more than the limit of 262144',
    )
  })

  it('never quotes more than a short excerpt', () => {
    const message = refusal(`[${'secret '.repeat(1000)}`) ?? ''
    expect(message.length).toBeLessThan(200)
  })
})
