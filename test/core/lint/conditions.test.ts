/** Conditions that decide nothing, and rules that do the same twice, are told before they run. */
import { describe, expect, test } from 'vitest'
import { lintRules } from '../../../src/core/lint/lint-rules.ts'
import { compileRules, type RuleParts } from '../../support/rules.ts'

const found = (...parts: RuleParts[]) =>
  lintRules(compileRules(parts)).map(({ order, problem }) => ({ order, ...problem }))

describe('conditions', () => {
  test.each<[RuleParts['when'], string | null]>([
    ['payload > 35', null],
    ['payload.a > 3 and payload.a < 5', null],
    [undefined, null],
    ['payload.a > 5 and payload.a < 3', '`when` can never be true: the rule never acts.'],
    ['payload.a >= 3 and payload.a < 3', '`when` can never be true: the rule never acts.'],
    ['false', '`when` can never be true: the rule never acts.'],
    [false, '`when` can never be true: the rule never acts.'],
    ['payload.on > true', '`when` can never be known, so it is never true: the rule never acts.'],
    ['true', '`when` is always true.'],
    ['1 < 2', '`when` is always true.'],
    ["'payload > 35'", '`when` is the text "payload > 35", not a condition: a text is always true.'],
    ["'payload'", '`when` is always true.'],
    [{ '>': [{ var: 'payload' }, 35] }, null],
    [{ and: [true, true] }, '`when` is always true.'],
  ])('%j', (when, message) => {
    const problems = found({ topic: 't', ...(when === undefined ? {} : { when }) })
    expect(problems.map((problem) => problem.message)).toEqual(message === null ? [] : [message])
    for (const problem of problems) {
      expect(problem).toMatchObject({ code: 'rule-condition-constant', path: ['when'], severity: 'warning' })
    }
  })

  test('a clear condition that is never true keeps the state for ever', () => {
    expect(
      found({ topic: 't', when: 'payload > 35', clear: { when: 'payload < 3 and payload > 5' } }),
    ).toMatchObject([
      { path: ['clear', 'when'], message: '`clear.when` can never be true: the state never ends.' },
    ])
  })

  test('a window that waits for more values than it keeps is never known', () => {
    const rule = (when: string, min: number): RuleParts => ({
      topic: 't',
      value: 'payload',
      window: { over: 1000, min },
      when,
    })
    expect(found(rule('window.avg > 3', 1_001))).toMatchObject([
      { code: 'rule-window-limit', path: ['window', 'min'] },
    ])
    expect(found(rule('window.avg > 3', 1_000))).toEqual([])
    expect(found(rule('window.count > 3', 1_001))).toEqual([])
  })
})

describe('duplicates', () => {
  const publish = (payload: unknown, topic = 'out') => ({ publish: { topic, payload } })
  const rule = (id: string, more: Partial<RuleParts> = {}): RuleParts => ({
    id,
    topic: ['a/+x', 'b/+x'],
    when: 'payload > 1',
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    then: [publish({ x: '{{ x }}' })],
    ...more,
  })

  test('a rule that is there twice under two names is told at the second', () => {
    expect(found(rule('first', { description: 'old' }), rule('second', { topic: ['b/+x', 'a/+x'] }))).toEqual(
      [
        {
          order: 1,
          code: 'rule-duplicate',
          path: ['then', 0, 'publish'],
          severity: 'warning',
          message: 'The rule "first" does the same `publish` for the same messages, so it is done twice.',
          help: 'Remove one of the two.',
        },
      ],
    )
  })

  test.each<[string, Partial<RuleParts>]>([
    ['condition', { when: 'payload > 2' }],
    ['topic', { topic: 'a/+x' }],
    ['broker', { broker: 'cloud' }],
    ['throttle', { throttle: 1000 }],
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    ['payload', { then: [publish('other')] }],
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    ['target', { then: [publish({ x: '{{ x }}' }, 'elsewhere')] }],
    ['state', { alert: { severity: 'info', summary: 'high' } }],
  ])('another %s makes another rule', (_, more) => {
    expect(found(rule('first'), rule('second', more))).toEqual([])
  })

  test('an action may be there twice in one rule', () => {
    // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
    expect(found(rule('one', { then: [publish(1), publish(2), publish(1)] }))).toMatchObject([
      { path: ['then', 2, 'publish'], message: expect.stringContaining('twice in the rule') },
    ])
  })

  test('a topic that overlaps with another of the same rule is fine, since the rule runs once', () => {
    expect(found({ topic: ['a/+x', '+x/b'] })).toEqual([])
  })
})
