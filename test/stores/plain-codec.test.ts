import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decodePlain, encodePlain } from '../../src/stores/plain-codec.ts'

const plain = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, false),
    fc.string({ unit: 'binary' }),
    // JSON knows no negative zero.
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => number + 0),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value')),
    fc.dictionary(
      fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('__proto__', 'toString', '0')),
      tie('value'),
      {
        noNullPrototype: true,
      },
    ),
  ),
})).value

it('gives back exactly what it was given, wherever byte arrays lie', () => {
  fc.assert(
    fc.property(plain, (data) => {
      expect(decodePlain(encodePlain(data))).toEqual(data)
    }),
  )
})

it('leaves out members that are undefined', () => {
  expect(decodePlain(encodePlain({ a: undefined, b: new Uint8Array([1]), c: undefined }))).toStrictEqual({
    b: new Uint8Array([1]),
  })
})

it('takes the bytes of a view, not of the buffer below it', () => {
  const view = new Uint8Array(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2)
  expect(decodePlain(encodePlain(view))).toStrictEqual(new Uint8Array([2, 3]))
  expect(decodePlain(encodePlain(Buffer.from('hi')))).toStrictEqual(new Uint8Array([104, 105]))
})

it('refuses what would come back as something else', () => {
  const round: { self?: unknown } = {}
  round.self = round
  for (const data of [Number.NaN, Number.POSITIVE_INFINITY, 1n, Symbol('s'), () => 0, undefined]) {
    expect(() => encodePlain(data)).toThrow(TypeError)
    expect(() => encodePlain({ list: [data] })).toThrow(TypeError)
  }
  for (const data of [new Date(0), new Map(), round]) expect(() => encodePlain(data)).toThrow(TypeError)
})

it.each(['', '{"a":', '~', '~[1]', '~[{},[[["__proto__"],""]]]', '~[{},[[["constructor","name"],""]]]'])(
  'refuses the damaged text %s',
  (text) => {
    expect(() => decodePlain(text)).toThrow(SyntaxError)
  },
)
