import { describe, expect, test } from 'vitest'
import { Matcher } from '../../../src/core/topics/matcher.ts'
import { filter } from './support.ts'

function matcherOf(...texts: string[]): Matcher<string> {
  return new Matcher(texts.map((text) => ({ filter: filter(text), value: text })))
}

const matches = (text: string, topic: string) => matcherOf(text).match(topic).length === 1

describe('as the specification of MQTT 5 has it', () => {
  test.each([
    // 4.7.1.2
    ['sport/tennis/player1/#', 'sport/tennis/player1', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
    ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
    ['sport/tennis/player1/#', 'sport/tennis/player12', false],
    ['sport/#', 'sport', true],
    ['#', 'a', true],
    ['#', '/', true],
    // 4.7.1.3
    ['sport/tennis/+', 'sport/tennis/player1', true],
    ['sport/tennis/+', 'sport/tennis/player2', true],
    ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/tennis/#', 'sport/tennis', true],
    ['sport/+/player1', 'sport/tennis/player1', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    // 4.7.2
    ['#', '$SYS/monitor/Clients', false],
    ['+/monitor/Clients', '$SYS/monitor/Clients', false],
    ['$SYS/#', '$SYS/monitor/Clients', true],
    ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
    ['$SYS/#', '$SYS', true],
    ['a/+', 'a/$SYS', true],
    // 4.7.3
    ['ACCOUNTS', 'Accounts', false],
    ['Accounts payable', 'Accounts payable', true],
    ['/finance', 'finance', false],
    ['finance', '/finance', false],
  ])('%s on %s: %s', (text, topic, expected) => {
    expect(matches(text, topic)).toBe(expected)
  })
})

test.each([
  ['#', 'tocsin/status', false],
  ['+/status', 'tocsin/status', false],
  ['+', 'tocsin', false],
  ['#', 'tocsin', false],
  ['#', 'tocsins/status', true],
  ['#', 'tocsi', true],
  ['#', 'a/tocsin', true],
  ['#', '/tocsin', true],
  ['tocsin/#', 'tocsin/status', true],
  ['tocsin/+', 'tocsin/status', true],
  ['tocsin', 'tocsin', true],
])("a first-level wildcard does not see Tocsin's own topics: %s on %s: %s", (text, topic, expected) => {
  expect(matches(text, topic)).toBe(expected)
})

test('matches come in the order given, each with its captures, and filters may repeat', () => {
  const matcher = matcherOf('#all', 'a/+x', 'a/b', '+x/+', 'c', 'a/b', 'a/b/#')
  expect(matcher.match('a/b')).toEqual([
    { value: '#all', captures: ['a/b'] },
    { value: 'a/+x', captures: ['b'] },
    { value: 'a/b', captures: [] },
    { value: '+x/+', captures: ['a', 'b'] },
    { value: 'a/b', captures: [] },
    { value: 'a/b/#', captures: [''] },
  ])
  expect(matcher.match('a/b')).toBe(matcher.match('a/b'))
})

test('many matches are in order too', () => {
  const texts = Array.from({ length: 100 }, (_, index) => ['#', 'a/+', '+/b', 'a/b'][(index * 7) % 4]!)
  expect(
    matcherOf(...texts)
      .match('a/b')
      .map(({ value }) => value),
  ).toEqual(texts)
})

test('topics that contain wildcards or names of objects are nothing special', () => {
  const matcher = matcherOf('a', '+', '__proto__', 'constructor/x')
  expect(matcher.match('+').map(({ value }) => value)).toEqual(['+'])
  expect(matcher.match('__proto__').map(({ value }) => value)).toEqual(['+', '__proto__'])
  expect(matcher.match('constructor')).toHaveLength(1)
  expect(matcher.match('constructor/y')).toEqual([])
})

describe('hostile topics', () => {
  const slashes = '/'.repeat(65_535)

  test('65,535 slashes against filters of all depths', () => {
    const texts = Array.from({ length: 2_000 }, (_, index) => `${'+/'.repeat(index)}nowhere`)
    const matcher = matcherOf(...texts)
    const started = performance.now()
    expect(matcher.match(slashes)).toEqual([])
    expect(performance.now() - started).toBeLessThan(1_000)
  })

  test('65,535 slashes against the deepest filters there can be', () => {
    const deepest = `${'+/'.repeat(32_766)}#`
    const [match] = matcherOf(deepest, `${'/'.repeat(65_534)}a`).match(slashes)
    expect(match?.captures).toHaveLength(32_767)
    expect(match?.captures.at(-1)).toBe('/'.repeat(65_535 - 32_766))
  })

  test('every mixture of + and a literal is walked once, not once per path', () => {
    const texts = Array.from({ length: 4_096 }, (_, mask) =>
      [...Array.from({ length: 12 }, (_, bit) => ((mask >> bit) & 1 ? '+' : 'a')), 'end'].join('/'),
    )
    const matcher = matcherOf(...texts)
    const started = performance.now()
    expect(matcher.match('a/'.repeat(12))).toEqual([])
    expect(matcher.match(`${'a/'.repeat(12)}end`)).toHaveLength(4_096)
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})

describe('the cache', () => {
  test('counts, and remembers also that nothing matches', () => {
    const matcher = matcherOf('a/+')
    for (const topic of ['a/1', 'a/1', 'b', 'b', 'b']) matcher.match(topic)
    expect(matcher.cacheCounters).toMatchObject({ hits: 3, misses: 2, evictions: 0, entries: 2 })
  })

  test('is bounded in entries, and keeps what is in use', () => {
    const matcher = new Matcher([{ filter: filter('a/+'), value: 1 }], { entries: 100, sizeBytes: 1e6 })
    for (let index = 0; index < 1_000; index++) {
      matcher.match(`a/${index}`)
      matcher.match('a/often')
    }
    const { hits, evictions, entries, misses } = matcher.cacheCounters
    expect({ hits, misses }).toEqual({ hits: 999, misses: 1_001 })
    expect(entries).toBeLessThanOrEqual(100)
    expect(evictions + entries).toBe(1_001)
  })

  test('is bounded in bytes, by long topics as by many matches', () => {
    const filters = Array.from({ length: 50 }, (_, value) => ({ filter: filter('+/#'), value }))
    const matcher = new Matcher(filters, { entries: 1_000, sizeBytes: 100_000 })
    for (let index = 0; index < 200; index++) {
      matcher.match(`${index}`)
      matcher.match(`${'x'.repeat(index * 50)}/${index}`)
      expect(matcher.cacheCounters.sizeBytes).toBeLessThanOrEqual(100_000)
    }
    expect(matcher.cacheCounters.evictions).toBeGreaterThan(0)
    matcher.match('x'.repeat(60_000))
    expect(matcher.cacheCounters.oversized).toBe(1)
  })
})

test('a level with one literal below and one with many are walked alike', () => {
  const texts = ['a/x', 'a/x/1', 'a/y', 'a/y/1', 'a/z', 'b/x', 'b/x/1']
  const matcher = matcherOf(...texts)
  for (const text of texts) expect(matcher.match(text).map(({ value }) => value)).toEqual([text])
  for (const topic of ['a', 'a/', 'a/w', 'b', 'b/y', 'b/x/2', '']) expect(matcher.match(topic)).toEqual([])
})
