import { describe, expect, test } from 'vitest'
import {
  captureValues,
  checkTopicName,
  filterProblemLimit,
  parseFilter,
  parsePlainFilter,
} from '../../../src/core/topics/filter.ts'
import { filter } from './support.ts'

/** `code@offset` of each problem. */
function problemsOf(text: string, parse = parseFilter): string[] {
  const parsed = parse(text)
  return parsed.ok ? [] : parsed.problems.map(({ code, offset }) => `${code}@${offset}`)
}

function helpOf(text: string): string {
  const parsed = parseFilter(text)
  return parsed.ok ? '' : parsed.problems.map(({ message, help }) => `${message}. ${help}`).join('\n')
}

describe('a filter of a rule', () => {
  test('keeps what was written and what MQTT subscribes', () => {
    expect(filter('site/+device/+/#rest')).toEqual({
      text: 'site/+/+/#',
      source: 'site/+device/+/#rest',
      levels: ['site', '+', '+', '#'],
      captures: [
        { name: 'device', level: 1, kind: '+' },
        { name: null, level: 2, kind: '+' },
        { name: 'rest', level: 3, kind: '#' },
      ],
    })
  })

  test.each([
    '#',
    '+',
    '/',
    '/a',
    'a/',
    'a//b',
    '//',
    '+/+',
    '/+',
    '+/#',
    '/#',
    'a/#',
    ' ',
    'a b',
    '$SYS/#',
    'ü/✓/😀',
    '*',
    '{id}',
    'share/$share',
  ])('may be %j', (text) => {
    expect(filter(text)).toMatchObject({ text, source: text, levels: text.split('/') })
    expect(parsePlainFilter(text)).toMatchObject({ ok: true, value: { text } })
  })

  test.each([
    // Section 4.7.1 of MQTT 5.
    ['sport/tennis#', ['topic-wildcard-placement@12']],
    ['sport/tennis/#/ranking', ['topic-wildcard-placement@13']],
    ['sport+', ['topic-wildcard-placement@5']],
    ['home/liv+', ['topic-wildcard-placement@8']],
    ['++', ['topic-wildcard-placement@1']],
    ['a/+#', ['topic-wildcard-placement@3']],
    ['#/#', ['topic-wildcard-placement@0']],
    ['#all/x', ['topic-wildcard-placement@0']],
    ['x+/y+/+ok', ['topic-wildcard-placement@1', 'topic-wildcard-placement@4']],
    ['', ['topic-empty@0']],
    ['a\0b', ['topic-invalid-character@1']],
    ['a\ud800', ['topic-invalid-character@1']],
    ['a/\udc00/b', ['topic-invalid-character@2']],
    ['a\n', ['topic-invalid-character@1']],
    ['a\u0085', ['topic-invalid-character@1']],
    ['a\uffff', ['topic-invalid-character@1']],
    ['😀\u{1fffe}', ['topic-invalid-character@2']],
    ['$share/group/a/+', ['topic-shared-subscription@0']],
    ['$share', ['topic-shared-subscription@0']],
    ['a/+1st', ['topic-capture-name@3']],
    ['a/+device-id', ['topic-capture-name@3']],
    ['a/+ü', ['topic-capture-name@3']],
    ['+x/+x', ['topic-capture-name@4']],
    ['+x/#x', ['topic-capture-name@4']],
    ['a/#payload', ['topic-capture-name@3']],
  ])('refuses %j with %j', (text, expected) => {
    expect(problemsOf(text)).toEqual(expected)
  })

  test.each(
    'payload value topic qos retain properties received_at time prev window with now key true false null and or not in __proto__ constructor'.split(
      ' ',
    ),
  )('refuses a capture that is named %s', (name) => {
    expect(problemsOf(`a/+${name}`)).toEqual(['topic-capture-name@3'])
  })

  test('names of captures are told apart by case, and may begin with _', () => {
    expect(filter('+Value/+_1/+device_2').captures.map(({ name }) => name)).toEqual([
      'Value',
      '_1',
      'device_2',
    ])
  })

  test('is at most 65,535 bytes of UTF-8', () => {
    expect(problemsOf('a'.repeat(65_535))).toEqual([])
    expect(problemsOf('a'.repeat(65_536))).toEqual(['topic-too-long@65535'])
    expect(problemsOf(`${'ü'.repeat(32_767)}a`)).toEqual([])
    expect(problemsOf('ü'.repeat(32_768))).toEqual(['topic-too-long@32767'])
    expect(problemsOf(`${'😀'.repeat(16_383)}abc`)).toEqual([])
    expect(problemsOf('😀'.repeat(16_384))).toEqual(['topic-too-long@32766'])
    expect(problemsOf('/'.repeat(65_535))).toEqual([])
  })

  test('says what to write instead', () => {
    expect(helpOf('home/liv+/x')).toContain('Write "home/+/x"')
    expect(helpOf('home/liv#')).toContain('Write "home/#"')
    expect(helpOf('a/#/c')).toContain('Write "a/#", or + for a single level: "a/+/c"')
    expect(helpOf('$share/g/a/+')).toContain('Write "a/+"')
    expect(helpOf('a/+device-id')).toContain('+device_id')
    expect(helpOf('a/+1')).toContain('+_1')
    expect(helpOf('a/+value')).toContain('+value_level')
    expect(helpOf('+x/+x')).toContain('+x_2')
  })

  test('what the help proposes can be read', () => {
    for (const text of ['a/+device-id', 'a/+1', 'a/+value', 'a/#__proto__', '+a b']) {
      const proposed = /(?:Write|such as) ([+#]\w+)/.exec(helpOf(text))?.[1] ?? ''
      expect(problemsOf(`x/${proposed}`), `${text}: ${helpOf(text)}`).toEqual([])
    }
  })

  test('a message shows no control characters and stays short', () => {
    expect(helpOf('a\u001b[31m\0')).not.toMatch(/\p{Cc}/u)
    expect(helpOf(`${'x'.repeat(60_000)}+`).length).toBeLessThan(500)
  })

  test('a filter that is wrong everywhere reports a bounded number of problems', () => {
    expect(problemsOf('a+/'.repeat(20_000))).toHaveLength(filterProblemLimit)
  })
})

test('a plain filter has no names', () => {
  expect(problemsOf('a/+device/#rest', parsePlainFilter)).toEqual([
    'topic-wildcard-placement@3',
    'topic-wildcard-placement@11',
  ])
  expect(problemsOf('$share/g/a', parsePlainFilter)).toEqual(['topic-shared-subscription@0'])
})

describe('a topic to publish to', () => {
  test.each(['a', '/', 'a//b', 'a/', '$SYS/x', 'tocsin/status', ' ', '😀'])('may be %j', (topic) => {
    expect(checkTopicName(topic)).toBeNull()
  })

  test.each([
    ['', 'topic-empty', 0],
    ['a/+', 'topic-wildcard-in-name', 2],
    ['a/b#', 'topic-wildcard-in-name', 3],
    ['a\0', 'topic-invalid-character', 1],
    ['a\ud83d', 'topic-invalid-character', 1],
    ['a\n', 'topic-invalid-character', 1],
    ['a'.repeat(65_536), 'topic-too-long', 65_535],
    ['/'.repeat(201), 'topic-too-deep', 200],
  ])('cannot be %j', (topic, code, offset) => {
    expect(checkTopicName(topic)).toMatchObject({ code, offset, severity: 'error' })
  })
})

test.each([
  ['a/b', 'a/b', []],
  ['+x/b', 'a/b', ['a']],
  ['a/+x/+', 'a//c', ['', 'c']],
  ['a/#rest', 'a/b/c', ['b/c']],
  ['a/#rest', 'a', ['']],
  ['a/#rest', 'a/', ['']],
  ['a/#rest', 'a//', ['/']],
  ['+/#', 'a', ['a', '']],
  ['#', '/a/', ['/a/']],
])('%s captures from %s: %j', (text, topic, expected) => {
  expect(captureValues(filter(text), topic)).toEqual(expected)
})
