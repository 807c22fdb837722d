import fc from 'fast-check'
import jsonLogic, { type RulesLogic } from 'json-logic-js'
import { expect, test, vi } from 'vitest'
import { compileLogic } from '../../../src/core/conditions/compile.ts'
import { UNKNOWN } from '../../../src/core/conditions/unknown.ts'
import { anyRoots, compile } from './conditions.ts'
import { dataArbitrary, logicArbitrary } from './random-logic.ts'

const numRuns = process.env.TOCSIN_LONG === undefined ? 5_000 : 100_000

/** The value, and whether any part that was evaluated came to unknown. */
function observe(logic: unknown, data: unknown): { value: unknown; sawUnknown: boolean } {
  let sawUnknown = false
  const compiled = compileLogic(logic, anyRoots, {
    enter: () => undefined,
    leave: (value) => {
      if (value === UNKNOWN) sawUnknown = true
    },
  })
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return { value: compiled.value.run(data), sawUnknown }
}

/** Arithmetic here never gives -0, in json-logic-js it sometimes does; JSON cannot tell them apart. */
function withoutMinusZero(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutMinusZero)
  return value === 0 ? 0 : value
}

test('where no part is unknown, a condition has the value json-logic-js gives it', () => {
  vi.spyOn(console, 'log').mockImplementation(() => undefined)
  let cases = 0
  let compared = 0
  fc.assert(
    fc.property(logicArbitrary, dataArbitrary, (logic, data) => {
      cases++
      const value = compile(logic).run(data)
      const observed = observe(logic, data)
      expect(value, 'the fast closures and the observed ones agree').toEqual(observed.value)
      if (observed.sawUnknown) return
      compared++
      expect(withoutMinusZero(value)).toEqual(withoutMinusZero(jsonLogic.apply(logic as RulesLogic, data)))
    }),
    { numRuns },
  )
  vi.restoreAllMocks()
  expect(compared / cases).toBeGreaterThan(0.5)
})

test('a condition never throws, whatever the data', () => {
  fc.assert(
    fc.property(logicArbitrary, fc.anything({ withNullPrototype: true }), (logic, data) => {
      compile(logic).run(data)
    }),
    { numRuns: numRuns / 5 },
  )
})
