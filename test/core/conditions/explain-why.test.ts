import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileExplained, type Explanation } from '../../../src/core/conditions/explain.ts'
import { truth, UNKNOWN } from '../../../src/core/conditions/unknown.ts'
import { decidingParts, type Why, whyOf } from '../../../src/core/conditions/why.ts'
import { textWidth } from '../../../src/core/text-width.ts'
import { anyRoots, compile, parse } from './conditions.ts'
import { dataArbitrary, logicArbitrary } from './random-logic.ts'

function explain(logic: unknown, data: unknown): Explanation {
  const compiled = compileExplained(logic, anyRoots)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.value(data).explanation
}

const why = (text: string, data: unknown): Why => whyOf(explain(parse(text), data))

test.each([
  ['payload.t > 35', { payload: { t: 21.4 } }, false, 'payload.t > 35 is false (payload.t = 21.4)'],
  ['payload.t > 35', { payload: {} }, 'unknown', 'payload.t is missing'],
  [
    'payload.t > 35',
    { payload: { t: 'warm' } },
    'unknown',
    'payload.t ("warm") cannot be compared: it is not a number',
  ],
  ['n > 3 and s == "on"', { n: 5, s: 'off' }, false, 's == "on" is false (s = "off")'],
  ['n > 3 and s == "on" and m > 1', { s: 'off' }, false, 's == "on" is false (s = "off")'],
  [
    'not (n > 3 and s == "on")',
    { n: 5, s: 'on' },
    false,
    'n > 3 is true (n = 5); s == "on" is true (s = "on")',
  ],
  ['n > 3 or n < -3', { n: 0 }, false, 'n > 3 is false (n = 0); n < -3 is false (n = 0)'],
  ['n > 3 or m > 3', { n: 0 }, 'unknown', 'm is missing'],
  ['flag', { flag: false }, false, 'flag = false'],
  [
    'n + m > deep.n',
    { n: 1, m: 2, deep: { n: 4 } },
    false,
    'n + m > deep.n is false (n = 1, m = 2, deep.n = 4)',
  ],
  [
    'some(rows, item.t > n)',
    { rows: [{ t: 1 }], n: 5 },
    false,
    'some(rows, item.t > n) is false (rows = [{"t":1}], n = 5)',
  ],
  [
    's in list',
    { s: 'x', list: Array.from({ length: 99 }, (_, i) => i) },
    false,
    's in list is false (s = "x", list = a list of 99)',
  ],
  ['(n ?? 1) > 2', {}, false, '(n ?? 1) > 2 is false (n is missing)'],
])('%s of %j', (text, data, verdict, reasons) => {
  const found = why(text, data)
  expect(found.verdict).toBe(verdict)
  expect(found.reasons.join('; ')).toBe(reasons)
})

test('what is long is cut, and of many reasons the first ones stand for all', () => {
  const many = why(Array.from({ length: 9 }, (_, i) => `n > ${i}`).join(' or '), { n: -1 })
  expect(many).toMatchObject({ verdict: false, more: 6 })
  const long = why('s == t', { s: '漢'.repeat(100_000), t: { a: 'x'.repeat(100_000) } })
  expect(long.reasons.every((reason) => textWidth(reason) < 300)).toBe(true)
})

/** The verdict when only the deciding parts are known. */
function verdictOf(part: Explanation, known: ReadonlySet<Explanation>): boolean | typeof UNKNOWN {
  if (known.has(part)) return truth(part.value)
  const parts = part.children.map((child) => verdictOf(child, known))
  if (part.operator === 'and') return parts.includes(false) ? false : parts.includes(UNKNOWN) ? UNKNOWN : true
  if (part.operator === 'or') return parts.includes(true) ? true : parts.includes(UNKNOWN) ? UNKNOWN : false
  const [operand = UNKNOWN] = parts
  if (part.operator === '!') return operand === UNKNOWN ? UNKNOWN : !operand
  return part.operator === '!!' ? operand : UNKNOWN
}

/** Conditions as people join them: with `and`, `or` and `not`. */
const joinedArbitrary = fc.letrec((tie) => ({
  logic: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    logicArbitrary,
    fc.array(tie('logic'), { minLength: 2, maxLength: 3 }).map((all) => ({ and: all })),
    fc.array(tie('logic'), { minLength: 2, maxLength: 3 }).map((all) => ({ or: all })),
    tie('logic').map((one) => ({ '!': [one] })),
  ),
})).logic

test('an explanation says what the evaluator says, and the parts it names are enough to decide it', () => {
  const seen = { true: 0, false: 0, unknown: 0 }
  fc.assert(
    fc.property(joinedArbitrary, dataArbitrary, (logic, data) => {
      const verdict = truth(compile(logic).run(data))
      const explanation = explain(logic, data)
      const found = whyOf(explanation)
      expect(found.verdict).toBe(verdict === UNKNOWN ? 'unknown' : verdict)
      expect(found.reasons.length).toBeGreaterThan(0)
      expect(found.reasons.every((reason) => reason !== '' && textWidth(reason) < 400)).toBe(true)
      seen[`${found.verdict}`]++
      const deciding = decidingParts(explanation)
      if (verdict === UNKNOWN) expect(deciding.every((part) => part.value === UNKNOWN)).toBe(true)
      else expect(verdictOf(explanation, new Set(deciding))).toBe(verdict)
    }),
    { numRuns: 700 },
  )
  expect(Math.min(...Object.values(seen)), 'each verdict came up').toBeGreaterThan(20)
})

test('whatever the data, it explains and does not throw', () => {
  fc.assert(
    fc.property(logicArbitrary, fc.anything({ withNullPrototype: true }), (logic, data) => {
      whyOf(explain(logic, data))
    }),
    { numRuns: 200 },
  )
})
