import { expect, test } from 'vitest'
import { compileExplained, type Explanation, explanationLimit } from '../../../src/core/conditions/explain.ts'
import { UNKNOWN } from '../../../src/core/conditions/unknown.ts'
import { anyRoots, parse } from './conditions.ts'

function explain(text: string, data: unknown) {
  const compiled = compileExplained(parse(text), anyRoots)
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.value(data)
}

/** One line for each part, indented. */
function lines({ text, value, because, children }: Explanation, indent = ''): string[] {
  const shown = value === UNKNOWN ? 'unknown' : JSON.stringify(value)
  const line = `${indent}${text}: ${shown}${because === undefined ? '' : `, because ${because}`}`
  return [line, ...children.flatMap((child) => lines(child, `${indent}  `))]
}

test('an explanation shows what every part came to, and what was not needed is not there', () => {
  const { explanation } = explain('n > 35 and s == "on" or list.length > 2', {
    n: 40,
    s: 'off',
    list: [1, 2, 3],
  })
  expect(lines(explanation)).toEqual([
    'n > 35 and s == "on" or list.length > 2: true',
    '  n > 35 and s == "on": false',
    '    n > 35: true',
    '      n: 40',
    '    s == "on": false',
    '      s: "off"',
    '  list.length > 2: true',
    '    list.length: 3',
  ])
})

test('the part where unknown began tells why', () => {
  const { explanation } = explain('n + 1 > 35', {})
  expect(lines(explanation)).toEqual([
    'n + 1 > 35: unknown',
    '  n + 1: unknown',
    '    n: unknown, because n is missing',
  ])
})

test.each([
  ['n > 35', { n: 'warm' }, 'n ("warm") cannot be compared: it is not a number'],
  ['35 > n', { n: true }, 'n (true) cannot be compared: it is not a number'],
  ['n + 1', { n: '12abc' }, 'n ("12abc") is not a number'],
  ['n / m', { n: 1, m: 0 }, 'the result is not a finite number'],
  ['some(list, item > 1)', { list: 5 }, 'list (5) is not a list'],
  ['1 in list', { list: { a: 1 } }, 'list (an object) is neither a list nor a text'],
  ['s in t', { s: true, t: 'x' }, 's (true) cannot be part of a text'],
  ['matches(n, "5")', { n: 5 }, 'n (5) is not a text'],
  ['number(s)', { s: '' }, 's ("") is not a number'],
])('%s', (text, data, because) => {
  expect(explain(text, data).explanation).toMatchObject({ value: UNKNOWN, because })
})

test('operators on lists show each item', () => {
  const { explanation } = explain('some(rows, item.t > n)', { rows: [{ t: 1 }, {}], n: 5 })
  expect(lines(explanation)).toEqual([
    'some(rows, item.t > n): unknown',
    '  rows: [{"t":1},{}]',
    '  item.t > n: false',
    '    item.t: 1',
    '    n: 5',
    '  item.t > n: unknown',
    '    item.t: unknown, because item.t is missing',
    '    n: 5',
  ])
})

test('a long explanation is shortened and says so; a second one starts afresh', () => {
  const compiled = compileExplained(parse('map(list, item + 1)'), anyRoots)
  if (!compiled.ok) throw new Error('refused')
  const long = compiled.value({ list: Array.from({ length: 1_000 }, (_, i) => i) })
  expect(long.shortened).toBe(true)
  expect(lines(long.explanation).length).toBeLessThanOrEqual(explanationLimit)
  const short = compiled.value({ list: [1] })
  expect(short).toMatchObject({ shortened: false, explanation: { value: [2] } })
})

test('an evaluation that was given up says so', () => {
  const list = Array.from({ length: 10_000 }, () => 0)
  const { explanation } = explain('map(list, all(list, item == 0))', { list })
  expect(explanation).toMatchObject({ value: UNKNOWN, because: 'evaluating it took more than its budget' })
})
