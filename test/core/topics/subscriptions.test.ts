import { describe, expect, test } from 'vitest'
import {
  acceptor,
  changes,
  planSubscriptions,
  type SubscriptionRecord,
  subscriptionIdLimit,
} from '../../../src/core/topics/subscriptions.ts'
import { filter } from './support.ts'

/** `a/+` is a want of QoS 0, `a/+!` one of QoS 1. */
function plan(texts: readonly string[], version: 4 | 5 = 5, previous?: SubscriptionRecord) {
  const wants = texts.map(
    (text) => ({ filter: text.replace('!', ''), qos: text.endsWith('!') ? 1 : 0 }) as const,
  )
  return planSubscriptions(wants, version, previous)
}

/** `filter qos` or `filter qos id`. */
function shown({ subscriptions }: SubscriptionRecord): string[] {
  return subscriptions.map(({ filter, qos, id }) =>
    [filter, qos, id].filter((part) => part !== undefined).join(' '),
  )
}

describe.each([4, 5] as const)('for MQTT version %i', (version) => {
  test('filters that do not overlap are subscribed as they are, those of QoS 1 first', () => {
    expect(shown(plan(['a', 'b/+', 'c/#!', '$SYS/#'], version))).toEqual([
      'c/# 1',
      'a 0',
      'b/+ 0',
      '$SYS/# 0',
    ])
    expect(shown(plan([], version))).toEqual([])
  })

  test('duplicates and contained filters are dropped, and the container gets the higher QoS', () => {
    expect(shown(plan(['a/b!', 'a/+', 'a/#', 'a', 'a/#'], version))).toEqual(['a/# 1'])
    expect(shown(plan(['+/#', '#!', '+'], version))).toEqual(['# 1'])
    expect(shown(plan(['/#', '/+/#'], version))).toEqual(['/# 0'])
    expect(shown(plan(['#', '$SYS/#!', '$SYS/x'], version))).toEqual(['$SYS/# 1', '# 0'])
  })

  test('names of captures do not matter', () => {
    const wants = ['a/+x', 'a/+y', 'a/+'].map((text) => ({ filter: filter(text), qos: 1 as const }))
    expect(shown(planSubscriptions(wants, version))).toEqual(['a/+ 1'])
  })

  test('a filter that cannot be read is an error of programming', () => {
    expect(() => plan(['a+'], version)).toThrow(TypeError)
  })

  test('many filters are planned quickly', () => {
    const texts = Array.from({ length: 5_000 }, (_, index) => [
      `site${index % 100}/dev${index}/+/x!`,
      `+/cross${index}`,
      `one${index}/two`,
      `a${index % 50}/+/c${index}`,
      `a${index % 50}/b${index}/+`,
    ]).flat()
    const started = performance.now()
    const { subscriptions } = plan(texts, version)
    expect(performance.now() - started).toBeLessThan(5_000)
    expect(subscriptions.length).toBe(version === 5 ? 25_000 : 15_000 + 50)
  })
})

describe('overlaps on MQTT 5', () => {
  test('get identifiers, and only they', () => {
    expect(shown(plan(['x/y', 'a/+', '+/b!', 'c/d/e']))).toEqual(['+/b 1 1', 'x/y 0', 'a/+ 0 2', 'c/d/e 0'])
  })

  test('the copy with the first identifier that matches counts', () => {
    const { accepts } = plan(['a/+', '+/b'])
    expect(accepts('a/b', [1])).toBe(true)
    expect(accepts('a/b', [2])).toBe(false)
    expect(accepts('a/b', [2, 1])).toBe(true)
    expect(accepts('a/x', [1])).toBe(true)
    expect(accepts('x/b', [2])).toBe(true)
  })

  test('in doubt a copy counts: without identifiers, or with one of an earlier plan', () => {
    const { accepts } = plan(['a/+', '+/b'])
    expect(accepts('a/b', null)).toBe(true)
    expect(accepts('a/b', [])).toBe(true)
    expect(accepts('a/b', [7])).toBe(true)
    expect(accepts('x/y', [2])).toBe(true)
  })

  test("a first-level wildcard counts for Tocsin's own topics too: the broker sends them", () => {
    const { accepts } = plan(['+/status', 'tocsin/+'])
    expect(accepts('tocsin/status', [1])).toBe(true)
    expect(accepts('tocsin/status', [2])).toBe(false)
  })

  test('without overlap every copy counts', () => {
    expect(plan(['a', 'b']).accepts('a', [3])).toBe(true)
  })
})

describe('overlaps on MQTT 3.1.1', () => {
  test.each([
    [['a/+', '+/b!'], ['+/+ 1']],
    [
      ['a/+', '+/b', 'c/d', 'e'],
      ['+/+ 0', 'e 0'],
    ],
    [['a/+/c', 'a/b/#', 'a/x/y/z'], ['a/+/# 0']],
    [
      ['$SYS/+/x', '$SYS/y/+', '+/y/+'],
      ['$SYS/+/+ 0', '+/y/+ 0'],
    ],
    // Each join makes a new overlap.
    [['a/+/1', 'a/2/+', 'a/3/4', '+/3/4'], ['+/+/+ 0']],
  ])('%j become %j', (texts, expected) => {
    const planned = plan(texts, 4)
    expect(shown(planned)).toEqual(expected)
    expect(planned.accepts('a/b', null)).toBe(true)
  })
})

describe('the next plan', () => {
  test('leaves what stays alone', () => {
    const before = plan(['a/+!', '+/b!', 'c'])
    const after = plan(['new/x', 'c', '+/b!', 'a/+!'], 5, before)
    expect(shown(after)).toEqual(['a/+ 1 1', '+/b 1 2', 'c 0', 'new/x 0'])
    expect(changes(before, after)).toEqual({
      subscribe: [{ filter: 'new/x', qos: 0, fresh: true }],
      unsubscribe: [],
    })
    expect(changes(before, before)).toEqual({ subscribe: [], unsubscribe: [] })
  })

  test('lets a queued message through that has no copy for the new filter', () => {
    const before = plan(['+/b!', 'x'])
    const during = plan(['a/+!', '+/b!', 'x'], 5, before)
    expect(shown(during)).toEqual(['+/b 1 1', 'a/+ 1 2', 'x 0'])
    expect(during.accepts('a/b', null)).toBe(true)

    const after = plan(['+/+/c!', 'a/+!', '+/b/+!', '+/b!', 'x'], 5, during)
    expect(after.accepts('a/b', [1])).toBe(true)
    expect(after.accepts('a/b', [2])).toBe(false)
  })

  test('subscribes again what changes QoS or needs an identifier, and asks no retained messages for it', () => {
    const before = plan(['+/b', 'c', 'd'])
    const after = plan(['+/b', 'a/+', 'c!'], 5, before)
    expect(changes(before, after)).toEqual({
      subscribe: [
        { filter: 'c', qos: 1, fresh: false },
        { filter: '+/b', qos: 0, id: 1, fresh: false },
        { filter: 'a/+', qos: 0, id: 2, fresh: true },
      ],
      unsubscribe: ['d'],
    })
  })

  test('keeps an identifier that is no longer needed, and never gives it to another filter', () => {
    const first = plan(['a/+', '+/b'])
    const second = plan(['a/+'], 5, first)
    expect(shown(second)).toEqual(['a/+ 0 1'])
    const third = plan(['a/+', '+/c'], 5, second)
    expect(shown(third)).toEqual(['a/+ 0 1', '+/c 0 3'])
    expect(third.accepts('a/b', [2])).toBe(true)
  })

  test('survives being stored', () => {
    const { subscriptions, nextId } = plan(['a/+', '+/b'])
    const stored = JSON.parse(JSON.stringify({ subscriptions, nextId })) as SubscriptionRecord
    expect(shown(plan(['+/b', 'a/+'], 5, stored))).toEqual(['a/+ 0 1', '+/b 0 2'])
  })

  test('identifiers wrap around, past those in use', () => {
    const before = { subscriptions: [{ filter: 'a/+', qos: 0, id: 1 }], nextId: subscriptionIdLimit } as const
    expect(shown(plan(['a/+', '+/b', '+/c'], 5, before))).toEqual([
      'a/+ 0 1',
      `+/b 0 ${subscriptionIdLimit}`,
      '+/c 0 2',
    ])
  })
})

test('retained messages come from the subscriptions just made, so these alone decide', () => {
  const before = plan(['+/b'])
  const { subscribe } = changes(before, plan(['+/b', 'a/+'], 5, before))
  const acceptsReplay = acceptor(subscribe.filter(({ fresh }) => fresh))
  expect(acceptsReplay('a/b', [2])).toBe(true)
})
