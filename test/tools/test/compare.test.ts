import { describe, expect, test } from 'vitest'
import { listsOf, mismatches, same } from '../../../src/tools/test/compare.ts'
import type { Happened, OpenAlert } from '../../../src/tools/test/virtual-world.ts'

const published = (topic: string, payload: string | Uint8Array) => ({
  broker: 'default',
  message: {
    topic,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    qos: 1,
    retain: false,
  } as const,
})

function happened(...messages: [topic: string, payload: string | Uint8Array][]): Happened {
  return {
    publish: messages.map((message) => published(...message)),
    respond: [],
    forward: [],
    command: [],
    log: [],
    notify: [],
    transitions: [],
    deadLetters: [],
    notices: [],
    refused: [],
    troubles: [],
    unsent: [],
    decided: [],
  }
}

const compare = (expected: Parameters<typeof mismatches>[0], ...messages: [string, string | Uint8Array][]) =>
  mismatches(expected, listsOf(happened(...messages), [], [])).map(({ missing, unexpected }) => [
    [...missing],
    [...unexpected],
  ])

test('what another action sent is found there', () => {
  const commands = { ...happened(), command: [published('devices/g1/command', '{"led":"on"}')] }
  const elsewhere = (expected: Parameters<typeof mismatches>[0]) =>
    mismatches(expected, listsOf(commands, [], [])).map((mismatch) => mismatch.elsewhere)
  expect(elsewhere({ publish: [{ topic: 'devices/g1/command' }] })).toEqual(['command'])
  expect(elsewhere({ some: { forward: [{ topic: 'devices/g1/command' }] } })).toEqual(['command'])
  expect(elsewhere({ publish: [{ topic: 'devices/g2/command' }] })).toEqual([null])
  expect(elsewhere({ command: [] })).toEqual([null])
})

describe('a list', () => {
  test('is exact, in order', () => {
    expect(compare({ publish: [{ topic: 'a' }, { topic: 'b' }] }, ['a', '1'], ['b', '2'])).toEqual([])
    expect(compare({ publish: [{ topic: 'b' }, { topic: 'a' }] }, ['a', '1'], ['b', '2'])).toEqual([
      [[0], [1]],
    ])
    expect(compare({ publish: [{ topic: 'a' }] }, ['a', '1'], ['b', '2'])).toEqual([[[], [1]]])
    expect(compare({ publish: [] }, ['a', '1'])).toEqual([[[], [0]]])
    expect(compare({ publish: [{ topic: 'x' }] })).toEqual([[[0], []]])
  })

  test('that is not named is free', () => {
    expect(compare({ log: [] }, ['a', '1'])).toEqual([])
  })

  test('below `some` may have others between, in order', () => {
    const three: [string, string][] = [
      ['a', '1'],
      ['b', '2'],
      ['c', '3'],
    ]
    expect(compare({ some: { publish: [{ topic: 'a' }, { topic: 'c' }] } }, ...three)).toEqual([])
    expect(compare({ some: { publish: [{ topic: 'c' }, { topic: 'a' }] } }, ...three)).toEqual([[[1], []]])
    expect(compare({ some: { publish: [{ topic: 'a' }, { topic: 'a' }] } }, ...three)).toEqual([[[1], []]])
  })

  test('of what stands now has no order, and the particular comes before the general', () => {
    const states = ['a', 'b'].map(
      (id) => ({ rule: 'r', key: { id }, state: 'firing', episode: 1, isAlert: true }) as const,
    )
    const lists = listsOf(happened(), states, [])
    expect(mismatches({ states: [{}, { key: { id: 'a' } }] }, lists)).toEqual([])
    expect(mismatches({ states: [{ key: { id: 'b' } }, { key: { id: 'a' } }] }, lists)).toEqual([])
    expect(mismatches({ states: [{ key: { id: 'a' } }, { key: { id: 'a' } }] }, lists)).toHaveLength(1)
  })
})

describe('an alert', () => {
  const alert: OpenAlert = {
    rule: 'r',
    key: { id: 'a' },
    state: 'firing',
    episode: 1,
    severity: 'warning',
    summary: 'a is at 36 °C',
    description: null,
    labels: { rule: 'r', site: 'north' },
    acked: 'Ada',
    silenced: false,
    inhibited: false,
    flapping: false,
  }
  test.each([
    [{ acked: true }, true],
    [{ acked: 'Ada' }, true],
    [{ acked: '/^A/' }, true],
    [{ acked: 'Bob' }, false],
    [{ acked: false }, false],
    [{ labels: { site: 'north' } }, true],
    [{ labels: { site: '/^s/' } }, false],
    [{ labels: { floor: '1' } }, false],
    [{ summary: '/36/', silenced: false }, true],
    [{ inhibited: true }, false],
  ])('%j: %j', (expected, fits) => {
    const found = mismatches({ alerts: [expected] }, listsOf(happened(), [], [alert]))
    expect(found.length === 0).toBe(fits)
  })
})

describe('a payload', () => {
  test.each([
    [21, '21', true],
    ['21', '21', true],
    [21, '21.5', false],
    ['on', 'on', true],
    ['on', 'ON', false],
    ['on', '"on"', true],
    [true, 'true', true],
    [null, 'null', true],
    ['/^O/', 'ON', true],
    ['/^o/i', 'ON', true],
    ['/^X/', 'ON', false],
    ['/"t":2/', '{"t":21}', true],
    [{ t: 21 }, '{"t":21}', true],
    [{ t: 21 }, '{"t":21,"u":1}', false],
    [{ t: '/2/' }, '{"t":21}', true],
    [{ t: { u: [1, { v: '/a/' }] } }, '{"t":{"u":[1,{"v":"bab"}]}}', true],
    [[1, 2], '[1,2,3]', false],
    [{ toString: 1 }, '{}', false],
  ])('%j fits %s: %j', (expected, text, fits) => {
    expect(compare({ publish: [{ payload: expected }] }, ['a', text]).length === 0).toBe(fits)
  })

  test('of bytes is compared in base64', () => {
    const bytes = Uint8Array.of(255, 0)
    expect(compare({ publish: [{ raw: '/wA=' }] }, ['a', bytes])).toEqual([])
    expect(compare({ publish: [{ payload: '/./' }] }, ['a', bytes])).toHaveLength(1)
  })

  test('a value that is missing fits no pattern', () => {
    expect(same('/undefined/', undefined)).toBe(false)
  })
})
