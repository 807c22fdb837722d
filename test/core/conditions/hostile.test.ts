import { describe, expect, test } from 'vitest'
import { compileLogic } from '../../../src/core/conditions/compile.ts'
import { UNKNOWN } from '../../../src/core/conditions/unknown.ts'
import { anyRoots, compile, evaluate, parse, ruleRoots, value } from './conditions.ts'

describe('a payload reaches nothing but its own data', () => {
  const payload = JSON.parse(
    '{"__proto__": {"admin": true}, "constructor": {"name": "x"}, "prototype": 1, "own": 1}',
  )

  test.each(['__proto__', 'constructor', 'prototype', 'own.constructor', '__proto__.admin'])(
    'not %s by a computed path',
    (path) => {
      expect(evaluate({ var: { cat: ['a.', path] } }, { a: payload })).toBe(UNKNOWN)
      expect(evaluate({ some: [[1], { var: { cat: ['', path] } }] }, {})).toBe(UNKNOWN)
      expect(evaluate({ missing: { cat: ['a.', path] } }, { a: payload })).toEqual([`a.${path}`])
    },
  )

  test.each(['toString', 'hasOwnProperty', 'valueOf', 'isPrototypeOf', '__defineGetter__'])(
    'not the inherited %s',
    (name) => {
      expect(evaluate({ var: `a.${name}` }, { a: { own: 1 } })).toBe(UNKNOWN)
      expect(evaluate({ var: `a.own.${name}` }, { a: { own: 1 } })).toBe(UNKNOWN)
      expect(evaluate({ var: `a.${name}` }, { a: { [name]: 3 } })).toBe(3)
    },
  )

  test.each(['push', 'map', 'constructor', 'buffer', 'byteLength', 'charAt', 'toFixed'])(
    'nor %s of lists, texts, numbers, bytes',
    (name) => {
      for (const a of [[1], 'text', 5, true, new Uint8Array(2)]) {
        expect(evaluate({ var: { cat: ['a.', name] } }, { a })).toBe(UNKNOWN)
        if (name !== 'constructor') expect(evaluate({ var: `a.${name}` }, { a })).toBe(UNKNOWN)
      }
    },
  )

  test('the names are refused where a rule spells them', () => {
    for (const path of ['payload.__proto__', 'payload.constructor.name', 'payload.x.prototype']) {
      const compiled = compileLogic({ '==': [{ var: path }, 1] }, ruleRoots)
      expect(compiled).toMatchObject({
        ok: false,
        problems: [{ code: 'expr-unknown-variable', path: ['==', 0, 'var'] }],
      })
    }
  })
})

test('an object that brings toString or valueOf is never asked', () => {
  let called = 0
  const spy = () => {
    called++
    return 'on'
  }
  for (const a of [
    { toString: 1 },
    { valueOf: 1 },
    { toString: spy },
    { valueOf: spy },
    [{ toString: spy }],
  ]) {
    for (const text of ['a == "on"', 'a != 5', 'a == true', 'cat("x", a)'])
      expect(value(text, { a })).toBe(UNKNOWN)
    for (const text of [
      'a < 5',
      'a + 1',
      '-a',
      'max(a, 1)',
      'number(a)',
      'substr(a, 1)',
      'a in "on"',
      'matches(a, "x")',
    ])
      expect(value(text, { a })).toBe(UNKNOWN)
  }
  expect(called).toBe(0)
  expect(value('a == "x"', { a: Object.create(null) })).toBe(false)
})

describe('no payload makes a condition run long', () => {
  const many = Array.from({ length: 10_000 }, (_, i) => i)

  test('nested loops over 10,000 items end unknown, counted, and the next evaluation is fresh', () => {
    const { run, overruns } = compile({
      map: [{ var: 'list' }, { some: [{ root: 'list' }, { '<': [{ var: '' }, -1] }] }],
    })
    expect(run({ list: many })).toBe(UNKNOWN)
    expect(run({ list: [1] })).toEqual([false])
    expect(overruns()).toBe(1)
  })

  test('one loop over 10,000 items is within the budget', () => {
    expect(value('some(list, item > 9998)', { list: many })).toBe(true)
    expect(value('reduce(list, accumulator + current, 0)', { list: many })).toBe(49_995_000)
  })

  test.each([
    [
      'a text that doubles',
      { reduce: [{ var: 'list' }, { cat: [{ var: 'accumulator' }, { var: 'accumulator' }] }, 'xy'] },
    ],
    [
      'a list that doubles',
      { reduce: [{ var: 'list' }, { merge: [{ var: 'accumulator' }, { var: 'accumulator' }] }, [1, 2]] },
    ],
    ['a search in a loop', { map: [{ var: 'list' }, { in: [-1, { root: 'list' }] }] }],
    ['a text of a list in a loop', { map: [{ var: 'list' }, { '==': [{ root: 'nulls' }, 'x'] }] }],
    ['a match in a loop', { map: [{ var: 'list' }, { matches: [{ root: 'text' }, '(a+)+$'] }] }],
  ])('%s', (_story, logic) => {
    const compiled = compile(logic, {
      resolve: (name) => anyRoots.resolve(name),
      names: () => ['list', 'nulls', 'text'],
    })
    expect(compiled.run({ list: many, nulls: many.map(() => null), text: 'a'.repeat(1_000) })).toBe(UNKNOWN)
    expect(compiled.overruns()).toBe(1)
  })

  test('a list nested thousands deep by reduce has no text, and no stack overflows', () => {
    const nest = { reduce: [{ var: 'list' }, [{ var: 'accumulator' }], 0] }
    expect(evaluate({ cat: ['x', nest] }, { list: many })).toBe(UNKNOWN)
    expect(evaluate({ '==': ['x', nest] }, { list: many })).toBe(UNKNOWN)
  })

  test('a pattern that is exponential elsewhere is linear here, and a very long text is not matched', () => {
    const { run, overruns } = compile(parse('matches(s, "(a+)+$")'))
    expect(run({ s: `${'a'.repeat(9_999)}!` })).toBe(false)
    expect(run({ s: 'a'.repeat(10_001) })).toBe(UNKNOWN)
    expect(overruns()).toBe(1)
  })
})

describe('what cannot be compiled is a problem at its place', () => {
  const list = { var: 'payload' }
  test.each([
    ['an unknown operator', { and: [true, { '>>': [1, 2] }] }, 'expr-unknown-operator', ['and', 1, '>>']],
    ['method, which is not JsonLogic', { method: [list, 'x'] }, 'expr-unknown-operator', ['method']],
    ['an inherited name', { toString: [1] }, 'expr-unknown-operator', ['toString']],
    [
      'a variable that does not exist',
      { '<': [{ var: 'payloda.t' }, 1] },
      'expr-unknown-variable',
      ['<', 0, 'var'],
    ],
    ['one with a default', { '<': [{ var: ['pay.t', 1] }, 1] }, 'expr-unknown-variable', ['<', 0, 'var', 0]],
    ['all of the data', { '<': [{ var: '' }, 1] }, 'expr-unknown-variable', ['<', 0, 'var']],
    [
      'one that is only outside',
      { reduce: [list, { var: 'payload' }, 0] },
      'expr-unknown-variable',
      ['reduce', 1, 'var'],
    ],
    ['too few arguments', { '>': [1] }, 'expr-arguments', ['>']],
    ['too many', { '>': [1, 2, 3] }, 'expr-arguments', ['>']],
    ['none', { and: [] }, 'expr-arguments', ['and']],
    ['two operations in one object', { '>': [1, 2], '<': [1, 2] }, 'expr-arguments', []],
    ['a number no JSON has', { '>': [list, Number.POSITIVE_INFINITY] }, 'expr-arguments', ['>', 1]],
    ['a path that is no text', { var: true }, 'expr-arguments', ['var']],
    ['missing without paths', { missing: ['payload', null] }, 'expr-arguments', ['missing', 1]],
    ['missing_some of a text', { missing_some: [1, 'payload'] }, 'expr-arguments', ['missing_some', 1]],
    ['a computed pattern', { matches: [{ var: 'topic' }, { var: 'topic' }] }, 'expr-pattern', ['matches', 1]],
    ['a back-reference', { matches: [{ var: 'topic' }, '(a)\\1'] }, 'expr-pattern', ['matches', 1]],
    ['a look-ahead', { matches: [{ var: 'topic' }, 'a(?!b)'] }, 'expr-pattern', ['matches', 1]],
    ['a broken pattern', { matches: [{ var: 'topic' }, '(a'] }, 'expr-pattern', ['matches', 1]],
    ['a huge repeat', { matches: [{ var: 'topic' }, '(a{1000}){1000}'] }, 'expr-pattern', ['matches', 1]],
    ['a long pattern', { matches: [{ var: 'topic' }, 'a'.repeat(1_001)] }, 'expr-limit', ['matches', 1]],
  ])('%s', (_story, logic, code, path) => {
    const compiled = compileLogic(logic, ruleRoots)
    expect(compiled).toMatchObject({ ok: false, problems: [{ code, path }] })
  })

  test('every problem is told at once', () => {
    const compiled = compileLogic({ and: [{ '>': [{ var: 'x' }, 1] }, { ad: [1] }, { '<': [] }] }, ruleRoots)
    expect(compiled).toMatchObject({
      ok: false,
      problems: [{}, { help: expect.stringContaining('and') }, {}],
    })
  })

  test('logic nested without end, or without measure', () => {
    let deep: unknown = true
    for (let i = 0; i < 100_000; i++) deep = { '!': [deep] }
    expect(compileLogic(deep, ruleRoots)).toMatchObject({ ok: false, problems: [{ code: 'expr-limit' }] })
    const wide = { or: Array.from({ length: 6_000 }, () => false) }
    expect(compileLogic(wide, ruleRoots)).toMatchObject({
      ok: false,
      problems: [{ code: 'expr-limit', path: ['or', 4_999] }],
    })
  })
})

test('a condition tells which paths it reads, and whether it reads any', () => {
  const uses = (text: string) => compile(parse(text)).uses
  expect(uses('payload.t > window.avg and payload.t > 3')).toEqual([
    ['payload', 't'],
    ['window', 'avg'],
  ])
  expect(uses('some(payload.list, item.t > with.limit.max)')).toEqual([
    ['payload', 'list'],
    ['with', 'limit', 'max'],
  ])
  expect(uses('missing("prev.age", "n")')).toEqual([['prev', 'age'], ['n']])
  expect(compile({ var: { cat: ['a', '.b'] } }).uses).toEqual([[]])
  expect(compile(parse('1 + 2 > 2')).constant).toBe(true)
  expect(compile(parse('n > 2')).constant).toBe(false)
  expect(compile(parse('missing("n")')).constant).toBe(false)
})
