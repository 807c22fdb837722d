import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outcomesOf } from '../../../src/core/conditions/analyse.ts'
import { truth, UNKNOWN } from '../../../src/core/conditions/unknown.ts'
import { evaluate, parse } from './conditions.ts'
import { dataArbitrary, logicArbitrary } from './random-logic.ts'

/** The outcomes that are possible, as letters: T, F, U. */
function outcomes(logic: unknown): string {
  const { canBeTrue, canBeFalse, canBeUnknown } = outcomesOf(logic)
  return `${canBeTrue ? 'T' : ''}${canBeFalse ? 'F' : ''}${canBeUnknown ? 'U' : ''}`
}

test.each([
  ['payload.t > 5', 'TFU'],
  ['1 < 2', 'T'],
  ['true', 'T'],
  ['not true', 'F'],
  ['1 / 0 > 3', 'U'],
  ['payload.t > true', 'U'],
  ['payload.t < null', 'U'],
  ['payload.t > 5 and false', 'F'],
  ['payload.t > 5 or true', 'T'],
  ['payload.t > 5 and payload.t < 3', 'FU'],
  ['payload.t > 5 and payload.t < 7', 'TFU'],
  ['payload.t > 5 and payload.u < 3', 'TFU'],
  ['payload.t >= 5 and payload.t <= 5', 'TFU'],
  ['payload.t > 5 and payload.t <= 5', 'FU'],
  ['payload.t <= 5 and payload.t < 5 and payload.t >= 5', 'FU'],
  ['payload.t >= 5 and payload.t > 5 and payload.t <= 5', 'FU'],
  ['payload.t == 5 and payload.t > 7', 'FU'],
  ['payload.t == 5 and payload.t == 6', 'FU'],
  ['5 < payload.t and 3 > payload.t', 'FU'],
  ['5 < payload.t < 3', 'TFU'],
  ['5 < payload.t < 3 and payload.u', 'FU'],
  ['not (payload.t < 5) and payload.t < 3', 'FU'],
  ['payload.t > 3 or payload.t < 5', 'TU'],
  ['payload.t > 5 or payload.t < 3', 'TFU'],
  ['not (payload.t > 5 and payload.t < 3)', 'TU'],
  ['payload.t == "a" and payload.t == "b"', 'TFU'],
])('%s', (text, wanted) => {
  expect(outcomes(parse(text))).toBe(wanted)
})

test('what is said never to happen never happens', () => {
  const bound = fc
    .tuple(
      fc.constantFrom('<', '<=', '>', '>=', '==', '==='),
      fc.boolean(),
      fc.constantFrom('n', 'm'),
      fc.integer({ min: -3, max: 3 }),
    )
    .map(([sign, turned, name, limit]) => ({
      [sign]: turned ? [limit, { var: name }] : [{ var: name }, limit],
    }))
  const { logic } = fc.letrec<{ logic: unknown }>((tie) => ({
    logic: fc.oneof(
      { maxDepth: 3 },
      { weight: 4, arbitrary: bound },
      { weight: 1, arbitrary: fc.boolean() },
      fc
        .tuple(fc.constantFrom('and', 'or'), fc.array(tie('logic'), { minLength: 1, maxLength: 3 }))
        .map(([name, args]) => ({ [name]: args })),
      tie('logic').map((each) => ({ '!': [each] })),
    ),
  }))
  const scope = fc.record({
    n: fc.oneof(fc.integer({ min: -4, max: 4 }), fc.constantFrom('2', '0x2', true, null, 'x', [2])),
    m: fc.double({ min: -4, max: 4, noNaN: true }),
  })
  let narrowed = 0
  const check = (each: unknown, data: unknown): void => {
    const possible = outcomesOf(each)
    if (!possible.canBeTrue || !possible.canBeFalse) narrowed++
    const verdict = truth(evaluate(each, data))
    expect(
      verdict === true
        ? possible.canBeTrue
        : verdict === UNKNOWN
          ? possible.canBeUnknown
          : possible.canBeFalse,
    ).toBe(true)
  }
  fc.assert(fc.property(logic, scope, check), { numRuns: 3_000 })
  expect(narrowed).toBeGreaterThan(100)
  fc.assert(fc.property(logicArbitrary, dataArbitrary, check), { numRuns: 1_000 })
})
