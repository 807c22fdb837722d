/** What every decoder owes its callers, whatever bytes arrive. */
import { isDeepStrictEqual } from 'node:util'
import { encode as encodeMsgpack } from '@msgpack/msgpack'
import { encode as encodeCbor } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decoders } from '../../src/decoders/index.ts'
import {
  type Decoded,
  type DecodeLimits,
  type Decoder,
  defaultDecodeLimits,
} from '../../src/ports/decoder.ts'

const utf8 = (text: string) => new TextEncoder().encode(text)
const reasons = ['syntax', 'encoding', 'too-large', 'too-deep', 'too-many-keys', 'unsafe-key', 'not-finite']

/** Small enough that generated values often pass them. */
const tightLimits: DecodeLimits = { sizeBytes: 200, depth: 3, keys: 8 }

function decodeWith(decoder: Decoder, limits: DecodeLimits, payload: Uint8Array): Decoded {
  const prepared = decoder.prepare(limits)
  if (!prepared.ok) throw new Error(`${decoder.name} does not prepare`)
  return prepared.value(payload)
}

/** Depth and number of items of a value; throws on anything that is not plain data. */
function measure(value: unknown): { depth: number; items: number } {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return { depth: 0, items: 0 }
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new Error(`not finite: ${value}`)
    return { depth: 0, items: 0 }
  }
  if (value instanceof Uint8Array) return { depth: 0, items: 0 }
  if (typeof value !== 'object') throw new Error(`not plain data: ${typeof value}`)
  if (Object.hasOwn(value, '__proto__')) throw new Error('has a key __proto__')
  const expected = Array.isArray(value) ? Array.prototype : Object.prototype
  if (Object.getPrototypeOf(value) !== expected) throw new Error('has a prototype of its own')
  const parts = Object.values(value).map(measure)
  if (Array.isArray(value) && parts.length !== value.length) throw new Error('has holes')
  return {
    depth: 1 + Math.max(0, ...parts.map((part) => part.depth)),
    items: parts.length + parts.reduce((sum, part) => sum + part.items, 0),
  }
}

/** Decodes twice and holds the outcome against the contract of the port. */
function expectContract(decoder: Decoder, limits: DecodeLimits, bytes: Uint8Array): void {
  const before = new Uint8Array(bytes)
  const payload = new Uint8Array(bytes)
  const first = decodeWith(decoder, limits, payload)
  const second = decodeWith(decoder, limits, payload)
  if (!isDeepStrictEqual(first, second)) throw new Error('decodes the same bytes in two ways')
  if (!isDeepStrictEqual(payload, before)) throw new Error('changed the payload')
  if (first.ok) {
    if (payload.length > limits.sizeBytes) throw new Error('passed the size limit')
    const { depth, items } = measure(first.value)
    if (depth > limits.depth || items > limits.keys)
      throw new Error(`passed a limit: ${depth} deep, ${items} items`)
    // Overwriting the payload, as a reused read buffer would be, leaves the value alone.
    payload.fill(0xff)
    if (!isDeepStrictEqual(first, second)) throw new Error('shares memory with the payload')
    const again = decodeWith(decoder, limits, before)
    if (!isDeepStrictEqual(first, again)) throw new Error('shares memory with the payload')
  } else {
    if (!reasons.includes(first.failure.reason)) throw new Error(`unknown reason ${first.failure.reason}`)
    if (first.failure.message.length > 200 || /[\r\n\0]/.test(first.failure.message)) {
      throw new Error(`not a short sentence: ${first.failure.message}`)
    }
  }
}

const key = fc.oneof(
  fc.constantFrom('a', 'temperature', '__proto__', 'constructor', 'prototype', 'toString', ''),
  fc.string({ unit: 'grapheme', maxLength: 6 }),
)
const { value: document } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.oneof(
      fc.constantFrom(null, true, false, 0, -1, 36.2, 1e300, 2 ** 53, -(2 ** 31), 'ON'),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer(),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(key, tie('value')), { maxLength: 5 })
      // Built from entries so that `__proto__` becomes a key of its own.
      .map((entries) => Object.fromEntries(entries)),
  ),
}))

const encodings: ((value: unknown) => Uint8Array)[] = [
  (value) => utf8(JSON.stringify(value)),
  (value) => utf8(JSON.stringify(value, null, 2)),
  (value) => new Uint8Array(encodeCbor(value)),
  (value) => new Uint8Array(encodeMsgpack(value)),
]
const encoded = fc.tuple(document, fc.constantFrom(...encodings)).map(([value, encode]) => encode(value))

/** A document with some bytes replaced, then cut or lengthened. */
const mutated = fc
  .tuple(
    encoded,
    fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
    fc.option(fc.nat(), { nil: undefined }),
    fc.uint8Array({ maxLength: 3 }),
  )
  .map(([bytes, changes, cut, tail]) => {
    const changed = bytes.slice()
    for (const [at, byte] of changes) changed[at % changed.length] = byte
    const kept = cut === undefined ? changed : changed.subarray(0, 1 + (cut % changed.length))
    return new Uint8Array([...kept, ...tail])
  })

const wellKnown: [name: string, payload: Uint8Array][] = [
  ['a byte that begins nothing', new Uint8Array([0xff])],
  ['spaces only', utf8('  \n ')],
  ['a byte order mark only', new Uint8Array([0xef, 0xbb, 0xbf])],
  ['bytes that are not UTF-8', new Uint8Array([0x22, 0xc3, 0x28, 0x22])],
  ['UTF-8 of a lone surrogate', new Uint8Array([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ['an unfinished UTF-8 sequence', new Uint8Array([0xe2, 0x82])],
  ['a key __proto__', utf8('{"__proto__":{"admin":true}}')],
  ['a key __proto__ in disguise', utf8('{"a":[{"\\u005f_proto__":1}]}')],
  ['NaN', utf8('{"t":NaN}')],
  ['a number that overflows', utf8('[1e999]')],
  ['100,000 nested arrays', utf8('['.repeat(100_000))],
  ['100,000 nested arrays, closed', utf8('['.repeat(100_000) + ']'.repeat(100_000))],
  ['40,000 nested objects', utf8('{"a":'.repeat(40_000))],
  ['100,000 nested CBOR arrays', new Uint8Array(100_000).fill(0x81)],
  ['100,000 nested indefinite CBOR arrays', new Uint8Array(100_000).fill(0x9f)],
  ['100,000 nested CBOR tags', new Uint8Array(100_000).fill(0xc1)],
  ['100,000 nested MessagePack arrays', new Uint8Array(100_000).fill(0x91)],
  ['a CBOR array of 2^64-1', new Uint8Array([0x9b, ...Array<number>(8).fill(0xff)])],
  ['a CBOR array of 2^32', new Uint8Array([0x9b, 0, 0, 0, 1, 0, 0, 0, 0, 1])],
  ['CBOR bytes of 2^32', new Uint8Array([0x5b, 0, 0, 0, 1, 0, 0, 0, 0, 1])],
  ['a CBOR break for a value', new Uint8Array([0xbf, 0x61, 0x61, 0xff, 0xff])],
  ['a MessagePack array of 2^32-1', new Uint8Array([0xdd, 0xff, 0xff, 0xff, 0xff, 1])],
  [
    'MessagePack arrays of 65,535 in each other',
    new Uint8Array(30_000).map((_, at) => [0xdc, 255, 255][at % 3] ?? 0),
  ],
  ['a MessagePack text of 2^32-1', new Uint8Array([0xdb, 0xff, 0xff, 0xff, 0xff, 0x61])],
  ['one megabyte', new Uint8Array(1_048_576).fill(0x31)],
]

describe('the decoders', () => {
  it('have names that are unique and descriptions of one line', () => {
    expect(new Set(decoders.map((decoder) => decoder.name)).size).toBe(decoders.length)
    for (const { description } of decoders) expect(description).toMatch(/^[^\n]{3,80}$/)
  })
})

describe.each(decoders.map((decoder) => [decoder.name, decoder] as const))('%s', (_name, decoder) => {
  const anyLimits = fc.constantFrom(defaultDecodeLimits, tightLimits)

  it('keeps the contract for random bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), anyLimits, (payload, limits) =>
        expectContract(decoder, limits, payload),
      ),
      { numRuns: 1500 },
    )
  })

  it('keeps the contract for documents, whole and damaged, of every format', () => {
    fc.assert(
      fc.property(fc.oneof(encoded, mutated), anyLimits, (payload, limits) =>
        expectContract(decoder, limits, payload),
      ),
      { numRuns: 1500 },
    )
  })

  it.each(wellKnown)('keeps the contract for %s', (_what, payload) => {
    expectContract(decoder, defaultDecodeLimits, payload)
    expectContract(decoder, { sizeBytes: 2_000_000, depth: 256, keys: 1_000_000 }, payload)
  })

  it('accepts a window on a larger buffer, as one from a socket is', () => {
    const frame = Buffer.from('xx1yy')
    const within = decodeWith(decoder, defaultDecodeLimits, frame.subarray(2, 3))
    expect(within).toEqual(decodeWith(decoder, defaultDecodeLimits, utf8('1')))
  })

  it('refuses one byte more than the limit', () => {
    const limits = { ...defaultDecodeLimits, sizeBytes: 10 }
    expect(decodeWith(decoder, limits, utf8('1'.repeat(11)))).toMatchObject({
      ok: false,
      failure: { reason: 'too-large', message: 'The payload has 11 bytes, more than the limit of 10' },
    })
  })

  it('does not prepare with a depth that could overflow the stack', () => {
    expect(() => decoder.prepare({ ...defaultDecodeLimits, depth: 257 })).toThrow(RangeError)
  })
})
