/**
 * What is said about loops is held against messages that really circulate: every topic is sent to the compiled
 * rules, what they publish is sent again, and a message that comes back to where it began is a loop.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { truth } from '../../../src/core/conditions/unknown.ts'
import { lintRules } from '../../../src/core/lint/lint-rules.ts'
import { makeProgram } from '../../../src/core/program.ts'
import type { CompiledRule } from '../../../src/core/rules/compiled-rule.ts'
import type { Scope } from '../../../src/core/rules/scope.ts'
import { compileRules, type RuleParts } from '../../support/rules.ts'

const runs = { numRuns: process.env.TOCSIN_LONG ? 20_000 : 500 }
const levels = ['a', 'b', 'c'] as const
const payloads = [{ n: 0 }, { n: 1 }, { m: 1 }] as const

const topics = levels.flatMap((one) => [
  one,
  ...levels.flatMap((two) => [`${one}/${two}`, ...levels.map((three) => `${one}/${two}/${three}`)]),
])

interface Sent {
  readonly broker: string
  readonly topic: string
  readonly payload: unknown
}

const nameOf = ({ broker, topic, payload }: Sent) => `${broker} ${topic} ${JSON.stringify(payload)}`

function causedBy(program: ReturnType<typeof makeProgram>, sent: Sent): Sent[] {
  const seen = new Set<CompiledRule>()
  return program.match(sent.broker, sent.topic).flatMap(({ value: target, captures }) => {
    if (target.kind !== 'rule' || seen.has(target.rule)) return []
    const { rule, captureOrder } = target
    seen.add(rule)
    const scope: Scope = {
      payload: sent.payload,
      bytes: new TextEncoder().encode(JSON.stringify(sent.payload)),
      captures: captureOrder === null ? captures : captureOrder.map((index) => captures[index] ?? ''),
      value: undefined,
      topic: sent.topic,
      qos: 1,
      retain: false,
      properties: null,
      receivedAt: 0,
      nowMs: 0,
      prev: undefined,
      window: undefined,
      with: undefined,
    }
    if (rule.when !== null && truth(rule.when(scope)) !== true) return []
    return rule.then.flatMap((action) => {
      const planned = action.plan(scope, 0)
      return planned.ok
        ? planned.effects.flatMap((effect) =>
            effect.kind === 'publish'
              ? [
                  {
                    broker: effect.broker,
                    topic: effect.message.topic,
                    payload: JSON.parse(new TextDecoder().decode(effect.message.payload)),
                  },
                ]
              : [],
          )
        : []
    })
  })
}

/**
 * Filters look at three levels at most, of which there are few: a topic that has grown so long came along the same way
 * before, and will grow without end.
 */
const endlessLevels = 130

/** Whether any message, once sent, comes back to itself, or grows without end. Levels are few, so messages are few too. */
function circulates(rules: readonly CompiledRule[]): boolean {
  const program = makeProgram(rules, new Map())
  const state = new Map<string, 'open' | 'done'>()
  const returns = (sent: Sent): boolean => {
    if (sent.topic.split('/').length > endlessLevels) return true
    const name = nameOf(sent)
    const known = state.get(name)
    if (known !== undefined) return known === 'open'
    state.set(name, 'open')
    if (causedBy(program, sent).some(returns)) return true
    state.set(name, 'done')
    return false
  }
  return ['default', 'cloud'].some((broker) =>
    topics.some((topic) => payloads.some((payload) => returns({ broker, topic, payload }))),
  )
}

const anyLevel = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<string>(...levels) },
  { weight: 1, arbitrary: fc.constant('+') },
)

const filterWith = fc
  .tuple(fc.array(anyLevel, { minLength: 1, maxLength: 3 }), fc.boolean())
  .map(([parts, open]) => {
    const named = parts.map((part, index) => (part === '+' ? `+w${index}` : part))
    return { topic: [...named, ...(open && parts.length < 3 ? ['#'] : [])].join('/'), parts }
  })

const anyRule = (payload: fc.Arbitrary<unknown>, byCapture: boolean): fc.Arbitrary<RuleParts> =>
  filterWith.chain(({ topic, parts }) => {
    const captures = parts.flatMap((part, index) => (part === '+' ? [`w${index}`] : []))
    const names = captures.map((name) => `{{ ${name} }}`)
    const conditions = [
      'payload.n == 1',
      'payload.n == 0',
      ...(byCapture ? captures.map((name) => `${name} != 'a'`) : []),
    ]
    return fc
      .record({
        target: fc.array(fc.constantFrom<string>(...levels, ...names), { minLength: 1, maxLength: 3 }),
        payload,
        from: fc.constantFrom('default', 'default', 'cloud'),
        into: fc.constantFrom('default', 'default', 'cloud'),
        when: fc.option(fc.constantFrom(...conditions), { nil: undefined }),
      })
      .map(({ target, payload, from, into, when }) => ({
        topic,
        broker: from,
        ...(when === undefined ? {} : { when }),
        // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
        then: [{ publish: { topic: target.join('/'), payload, broker: into } }],
      }))
  })

/** Passes messages on, below a prefix or not. */
const anyForward = (byCapture: boolean): fc.Arbitrary<RuleParts> =>
  filterWith.chain(({ topic, parts }) => {
    const captures = parts.flatMap((part, index) => (part === '+' ? [`w${index}`] : []))
    const prefixes = [...levels, ...captures.map((name) => `{{ ${name} }}`)]
    return fc
      .record({
        prefix: fc.option(fc.constantFrom(...prefixes), { nil: undefined }),
        from: fc.constantFrom('default', 'cloud'),
        to: fc.constantFrom('default', 'cloud'),
        when: fc.option(
          fc.constantFrom(...(byCapture ? captures : []).map((name) => `${name} != 'a'`), 'true'),
          {
            nil: undefined,
          },
        ),
      })
      .map(({ prefix, from, to, when }) => ({
        topic,
        broker: from,
        ...(when === undefined || when === 'true' ? {} : { when }),
        // biome-ignore lint/suspicious/noThenProperty: `then` is a key of the rule language.
        then: [{ forward: prefix === undefined ? { to } : { to, prefix } }],
      }))
  })

const rulesWith = (payload: fc.Arbitrary<unknown>, byCapture: boolean) =>
  fc.array(anyRule(payload, byCapture), { minLength: 1, maxLength: 5 })
const fixed = fc.constantFrom<unknown>(...payloads)

const loopsOf = (rules: readonly CompiledRule[]) =>
  lintRules(rules).filter(({ problem }) => problem.code === 'rule-loop')

/** Where nothing is said of a loop no message circulates. */
function expectSilenceToHold(anyRules: fc.Arbitrary<RuleParts[]>): void {
  const tally = { silent: 0, looping: 0 }
  fc.assert(
    fc.property(anyRules, (parts) => {
      const rules = compileRules(parts)
      const isLooping = circulates(rules)
      if (loopsOf(rules).length === 0) {
        tally.silent++
        expect(isLooping).toBe(false)
      } else if (isLooping) tally.looping++
    }),
    runs,
  )
  // Both kinds must have been tried, or nothing was.
  expect(tally.silent).toBeGreaterThan(runs.numRuns / 20)
  expect(tally.looping).toBeGreaterThan(runs.numRuns / 20)
}

/** Where a loop is called certain a message circulates. */
function expectCertaintyToHold(anyRules: fc.Arbitrary<RuleParts[]>): void {
  let certain = 0
  fc.assert(
    fc.property(anyRules, (parts) => {
      const rules = compileRules(parts)
      if (!loopsOf(rules).some(({ problem }) => problem.severity === 'error')) return
      certain++
      expect(circulates(rules)).toBe(true)
    }),
    runs,
  )
  expect(certain).toBeGreaterThan(runs.numRuns / 20)
}

test('no message circulates among rules of which nothing is said', () => {
  expectSilenceToHold(rulesWith(fc.oneof(fixed, fc.constant('{{ payload }}')), true))
})

test('where a loop is called certain a message circulates, when conditions read fixed payloads', () => {
  expectCertaintyToHold(rulesWith(fixed, false))
})

describe('messages that are passed on', () => {
  const bridges = (byCapture: boolean) =>
    fc.array(
      fc.oneof(
        { weight: 3, arbitrary: anyForward(byCapture) },
        { weight: 1, arbitrary: anyRule(fixed, byCapture).map(({ when: _, ...rule }) => rule) },
      ),
      { minLength: 1, maxLength: 5 },
    )

  test('none circulates among rules of which nothing is said', () => {
    expectSilenceToHold(bridges(true))
  })

  test('where a loop is called certain one circulates', () => {
    expectCertaintyToHold(bridges(false))
  })
})
