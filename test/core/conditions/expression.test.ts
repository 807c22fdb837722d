import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileLogic } from '../../../src/core/conditions/compile.ts'
import { parseExpression } from '../../../src/core/conditions/expression.ts'
import { render } from '../../../src/core/conditions/render.ts'
import type { Problem } from '../../../src/core/problem.ts'
import { parse, ruleRoots } from './conditions.ts'

const v = (path: string) => ({ var: path })

const readings: readonly (readonly [text: string, logic: unknown])[] = [
  ['payload > 35', { '>': [v('payload'), 35] }],
  ['payload.a.b', v('payload.a.b')],
  ['payload[0].x', v('payload.0.x')],
  ['payload["x y"]', v('payload.x y')],
  ['payload["x.y"]', v('payload.x\\.y')],
  ['payload?.t', v('payload.t')],
  ['payload.and', v('payload.and')],
  ['[1, "a", true, null]', [1, 'a', true, null]],
  ['[]', []],
  ["'it\\'s'", "it's"],
  ['-2', -2],
  ['-(2)', { '-': [2] }],
  ['.5', 0.5],
  ['a and b and c', { and: [v('a'), v('b'), v('c')] }],
  ['a && b || c', { or: [{ and: [v('a'), v('b')] }, v('c')] }],
  ['a or b and c', { or: [v('a'), { and: [v('b'), v('c')] }] }],
  ['(a or b) and c', { and: [{ or: [v('a'), v('b')] }, v('c')] }],
  ['a and (b and c)', { and: [v('a'), { and: [v('b'), v('c')] }] }],
  ['not1 and or2 and iné', { and: [v('not1'), v('or2'), v('iné')] }],
  ['not(a)or(b)', { or: [{ '!': [v('a')] }, v('b')] }],
  ['android and notable', { and: [v('android'), v('notable')] }],
  ['not a == b', { '!': [{ '==': [v('a'), v('b')] }] }],
  ['not a and b', { and: [{ '!': [v('a')] }, v('b')] }],
  ['!a and b', { and: [{ '!': [v('a')] }, v('b')] }],
  ['not not a', { '!': [{ '!': [v('a')] }] }],
  ['!!a', { '!!': [v('a')] }],
  ['a not in [1]', { '!': [{ in: [v('a'), [1]] }] }],
  ['not a in [1]', { '!': [{ in: [v('a'), [1]] }] }],
  ['a + b * c', { '+': [v('a'), { '*': [v('b'), v('c')] }] }],
  ['a - b - c', { '-': [{ '-': [v('a'), v('b')] }, v('c')] }],
  ['a - (b - c)', { '-': [v('a'), { '-': [v('b'), v('c')] }] }],
  ['a + b + c', { '+': [v('a'), v('b'), v('c')] }],
  ['a + b > c * 2 and d', { and: [{ '>': [{ '+': [v('a'), v('b')] }, { '*': [v('c'), 2] }] }, v('d')] }],
  ['-a * b', { '*': [{ '-': [v('a')] }, v('b')] }],
  ['a - -1', { '-': [v('a'), -1] }],
  ['0 < a < 10', { '<': [0, v('a'), 10] }],
  ['10 >= a >= 0', { '<=': [0, v('a'), 10] }],
  ['0 <= a < 10', { and: [{ '<=': [0, v('a')] }, { '<': [v('a'), 10] }] }],
  ['a ? b : c ? d : e', { if: [v('a'), v('b'), { if: [v('c'), v('d'), v('e')] }] }],
  ['a == 1 ? -1 : +b', { if: [{ '==': [v('a'), 1] }, -1, { '+': [v('b')] }] }],
  ['a ?? b ?? 1', { '??': [v('a'), v('b'), 1] }],
  ['missing("a", "b")', { missing: ['a', 'b'] }],
  ['missing_some(1, ["a"])', { missing_some: [1, ['a']] }],
  ['some(list, item.t > 3)', { some: [v('list'), { '>': [v('t'), 3] }] }],
  ['some(list, item)', { some: [v('list'), v('')] }],
  ['some(list, item > limit.max)', { some: [v('list'), { '>': [v(''), { root: 'limit.max' }] }] }],
  ['some(item.list, item > 1)', { some: [v('item.list'), { '>': [v(''), 1] }] }],
  ['some(list, some(item.l, item > 1))', { some: [v('list'), { some: [v('l'), { '>': [v(''), 1] }] }] }],
  [
    'reduce(list, current.t + accumulator, a)',
    { reduce: [v('list'), { '+': [v('current.t'), v('accumulator')] }, v('a')] },
  ],
  ['matches(topic, "^a")', { matches: [v('topic'), '^a'] }],
  ['if(a, 1, b, 2, 3)', { if: [v('a'), 1, v('b'), 2, 3] }],
  ['var("a b", 1)', { var: ['a b', 1] }],
  ['temperatur_außen > 3', { '>': [v('temperatur_außen'), 3] }],
  ['  a\n  and b\t', { and: [v('a'), v('b')] }],
]

test.each(readings.map(([text, logic]) => ({ text, logic })))('$text', ({ text, logic }) => {
  expect(parse(text)).toEqual(logic)
})

/** The problem of a text that is refused, by parsing or by compiling. */
function refusal(text: string): Problem {
  const parsed = parseExpression(text)
  const result = parsed.ok ? compileLogic(parsed.value, ruleRoots) : parsed
  if (result.ok) throw new Error(`“${text}” was accepted`)
  return result.problems[0]!
}

describe('what is refused says where and what to write', () => {
  const refusals: readonly (readonly [text: string, offset: number, says: RegExp])[] = [
    ['', 0, /empty/],
    ['   ', 0, /empty/],
    ['payload = 5', 8, /Use ==/],
    ['payload & topic', 8, /Use “and”/],
    ['payload | round', 8, /Use “or”/],
    ['payload <> 5', 8, /!=/],
    ['payload =~ "x"', 8, /matches/],
    ['payload ** 2', 8, /\*/],
    ['payload => 5', 8, /item/],
    ['payload AND topic', 8, /small letters/],
    ['NOT payload', 0, /small letters/],
    ['payload is 5', 8, /Use ==/],
    ['payload topic', 8, /does not belong/],
    ['payload > 5; topic', 11, /does not belong/],
    ['payload >', 9, /value after “>”/],
    ['payload and', 11, /value after “and”/],
    ['> 5', 0, /expression here/],
    ['and payload', 0, /before “and”/],
    ['(payload', 0, /never closed/],
    ['payload)', 7, /does not belong/],
    ['max(payload', 3, /never closed/],
    ['[1, 2', 0, /never closed/],
    ['"abc', 4, /never closed/],
    ['max(1 2)', 6, /does not belong/],
    ['max(1,)', 6, /should be a value/],
    ['[1,,2]', 3, /should be a value/],
    ['()', 1, /expression between/],
    ['(1, 2)', 2, /one expression/],
    ['payload ? 1', 11, /“:”/],
    ['5x', 1, /digit/],
    ['this.payload', 0, /no “this”/],
    ['payload.includes("x")', 0, /“.includes\(…\)” cannot be called/],
    ['payload["a"]("x")', 0, /cannot be called/],
    ['max(1).x', 0, /Only variables/],
    ['payload[topic]', 8, /whole number or a text/],
    ['payload[1.5]', 8, /whole number or a text/],
    ['{ ">": [1, 2] }', 0, /JsonLogic/],
    ['`x`', 0, /quotes/],
    ['~payload', 0, /not/],
    ['payload++', 7, /cannot be changed/],
    ['payload == not topic', 11, /parentheses/],
    ['!payload == topic', 0, /not \(a == b\)/],
    ['!payload in [1]', 0, /not/],
    ['payload ?? 0 > 5', 13, /\(payload.t \?\? 0\) > 5/],
    ['payload ?? 0 or topic', 13, /parentheses/],
    ['1 < payload > 3', 12, /strung together/],
    ['1 == payload == 3', 13, /strung together/],
    ['1 < 2 < 3 < 4', 10, /strung together/],
    ['1e999 > payload', 0, /too large/],
    ['somme(payload, item > 1)', 0, /Did you mean “some”/],
    ['contains(payload, 1)', 0, /functions are/],
    ['payloadd.t > 5', 0, /Did you mean “payload.t”/],
    ['temperature > 5', 0, /Did you mean “payload.temperature”\? The variables are: /],
    ['topi.n > 5', 0, /Did you mean “topic.n” or “payload.topi.n”\?$/],
    ['topic == "a" and paiload > 5', 17, /Did you mean “payload”/],
    ['item > 5', 0, /no variable “item”/],
    ['some(payload, itm > 5)', 14, /no variable “itm”/],
    ['payload.__proto__.x == 1', 0, /never be read/],
    ['some(payload, item.constructor)', 14, /never be read/],
    ['matches(topic, payload)', 15, /written out/],
    ['1 + matches(topic, "(?=a)")', 4, /cannot be used/],
    ['matches(topic, "a", "b")', 0, /takes a text and/],
    ['missing("payloud.t")', 0, /Did you mean/],
    ['max()', 0, /takes one or more/],
  ]
  test.each(refusals.map(([text, offset, says]) => ({ text, offset, says })))(
    '$text',
    ({ text, offset, says }) => {
      const found = refusal(text)
      expect(`${found.message} ${found.help ?? ''}`).toMatch(says)
      expect(found.offset).toBe(offset)
      expect(found.path).toEqual([])
    },
  )
})

test('an expression has limits: length, nesting, parts', () => {
  expect(refusal(`payload == "${'x'.repeat(10_000)}"`).code).toBe('expr-limit')
  expect(refusal(`${'('.repeat(3_000)}payload`).code).toBe('expr-limit')
  expect(refusal(`${'not '.repeat(2_000)}payload`).code).toBe('expr-limit')
  expect(refusal(`${'!'.repeat(3_000)}payload`).code).toBe('expr-limit')
  expect(refusal(`payload${'-1'.repeat(2_000)}`).code).toBe('expr-limit')
  expect(refusal(`payload${'?1:1'.repeat(2_000)}`).code).toBe('expr-limit')
  expect(refusal('a?'.repeat(5_000)).code).toBe('expr-limit')
  expect(parseExpression(`payload${' and payload'.repeat(800)}`).ok).toBe(true)
})

test('logic written from an expression reads back as the same logic', () => {
  const leaf = fc.oneof(
    fc.constantFrom('payload', 'a.b', 'a.0.x y', 'a.b\\.c', 'x.\\\\', 'é').map(v),
    fc.integer({ min: -9, max: 9 }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.string({ unit: 'binary-ascii', maxLength: 6 }),
    fc.constantFrom(true, false, null),
  )
  const { logic } = fc.letrec<{ logic: unknown }>((tie) => {
    const any = tie('logic')
    const op = (names: string[], min: number, max: number) =>
      fc
        .tuple(fc.constantFrom(...names), fc.array(any, { minLength: min, maxLength: max }))
        .map(([name, args]) => ({ [name]: args }))
    const body = fc.oneof(
      fc.constantFrom(v(''), v('t'), v('a.0'), { root: 'payload.t' }),
      any.filter((each) => !JSON.stringify(each).includes('var')),
    )
    return {
      logic: fc.oneof(
        { maxDepth: 4 },
        leaf,
        op(['and', 'or', '??', '+', '*'], 2, 3),
        op(['-', '/', '%', '==', '!=', '===', '!==', '<', '<=', '>', '>=', 'in'], 2, 2),
        op(['<', '<='], 3, 3),
        op(['!', '!!', '-', '+', 'number', 'log'], 1, 1),
        op(['if'], 1, 5),
        op(['max', 'min', 'cat', 'merge', 'missing', 'substr', 'matches'], 2, 3),
        fc
          .tuple(fc.constantFrom('some', 'all', 'none', 'map', 'filter'), any, body)
          .map(([name, list, test]) => ({ [name]: [list, test] })),
        fc
          .tuple(
            any,
            fc.constantFrom(v('current'), v('accumulator.x'), { '+': [v('current'), v('accumulator')] }),
          )
          .map(([list, sum]) => ({ reduce: [list, sum, 0] })),
        fc.array(any, { maxLength: 3 }),
      ),
    }
  })
  fc.assert(
    fc.property(logic, (each) => {
      expect(parse(render(each))).toEqual(each)
    }),
    { numRuns: 2_000 },
  )
})

test('what no expression can say is still readable', () => {
  expect(render({ and: [v('a')] })).toBe('and(a)')
  expect(render({ '==': [v('a'), { x: 1, y: 2 }] })).toBe('a == {"x":1,"y":2}')
  expect(render({ var: { cat: ['a', 'b'] } })).toBe('var(cat("a", "b"))')
  expect(render({ '<': [0, v('payload.t'), { '+': [1, 2] }] })).toBe('0 < payload.t < 1 + 2')
  expect(render({ some: [v('list'), { '>': [v('t'), { root: 'with.limit.max' }] }] })).toBe(
    'some(list, item.t > with.limit.max)',
  )
})
