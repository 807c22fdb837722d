/** What strangers send: too much, too long, and made to steer a terminal. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { textWidth } from '../../../src/core/text-width.ts'
import { messageOf, watching } from './watching.ts'

const rules = `rules:
  - id: any
    topic: '#rest'
    when: payload.t > 35 and payload.name == "x"
    then: [{ publish: { topic: alarms, payload: "{{ payload.name }} {{ rest }}" } }]
  - { id: word, topic: '#rest', when: payload == topic, for: 1m, then: [{ log: { file: a.csv, columns: [payload] } }] }
`
/** With what a terminal or a reader would be led astray by. */
const hostileText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\u001b[2J',
        '\u001b]0;x\u0007',
        '\u009b31m',
        '\u202e',
        '\u2066',
        '\r',
        '\n',
        '\u0000',
        '\ud800',
        '漢',
        '👨‍👩‍👧',
        'é',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constant('x'.repeat(300)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''))
const payload = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  hostileText.map((text) => Buffer.from(text)),
  hostileText.map((name) => Buffer.from(JSON.stringify({ t: 40, name }))),
)
const userProperties = fc.array(fc.tuple(hostileText, hostileText), { maxLength: 3 })

test('nothing that comes steers the terminal, and no line is wider than it', () => {
  const columns = 80
  const text = watching(rules, { filter: '#', columns })
  const table = watching(rules, { filter: '#', latest: true, isTerminal: false, columns })
  const json = watching(rules, { filter: '#', format: 'json', isTerminal: false })
  fc.assert(
    fc.property(hostileText, payload, userProperties, (topic, bytes, user) => {
      const message = messageOf(topic, bytes, { properties: { contentType: topic, userProperties: user } })
      for (const one of [text, table, json]) one.batch([message])
      text.pass(1_000)
      for (const line of text.shown()) {
        expect(line).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u)
        expect(textWidth(line)).toBeLessThanOrEqual(columns)
      }
      const [line = ''] = json.shown()
      expect(line).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u)
      expect(JSON.parse(line)).toMatchObject({ type: 'message', payload_bytes: bytes.length })
    }),
    { numRuns: 150 },
  )
  table.watch.stop()
  return table.ended.then(() => {
    const lines = table.shown()
    expect(lines.length).toBeGreaterThan(50)
    for (const line of lines) {
      expect(line).not.toMatch(/[\p{Cc}\p{Cs}\p{Bidi_Control}]/u)
      expect(textWidth(line)).toBeLessThanOrEqual(columns)
    }
  })
})

test('secrets of the configuration are not shown, not even in parts at the end of a line', () => {
  const { send, shown } = watching(rules, { filter: '#', columns: 60 })
  for (let blanks = 0; blanks < 60; blanks++) {
    send(`${'x'.repeat(blanks)}hunter22`, `${'y'.repeat(blanks)} hunter22`)
    expect(shown().join('\n')).not.toMatch(/hun/)
  }
})

test('in a flood a part is shown, and the rest is counted', () => {
  const { batch, shown, pass, send } = watching(rules, { filter: '#' })
  for (let count = 0; count < 5_000; count += 50)
    batch(Array.from({ length: 50 }, (_, index) => messageOf(`a/${count + index}`, '{"t":1}')))
  const first = shown()
  expect(first.length).toBeLessThan(70)
  const messages = first.filter((line) => line.startsWith('14:00:00')).length
  pass(1_000)
  expect(shown()).toEqual([
    `          … ${(5_000 - messages).toLocaleString('en')} messages not shown in the last second`,
  ])
  send('a/b', 1)
  expect(shown().length, 'a new second').toBeGreaterThan(1)
})

test('a reader that takes nothing more is written nothing more, and told later what it missed', () => {
  const { send, shown, block, drain, pass, watch } = watching(rules, { filter: '#', isTerminal: false })
  block()
  send('a', 1)
  expect(shown().length).toBeGreaterThan(0)
  for (let count = 0; count < 1_000; count++) send('a', 1)
  pass(10_000)
  expect(shown()).toEqual([])
  drain()
  expect(shown()).toEqual(['          … 1,000 messages not shown in the last second'])
  send('a', 1)
  expect(shown().length).toBeGreaterThan(0)
  watch.stop()
})

test('behind a pipe nothing is left out while it is read', () => {
  const { send, objects } = watching(rules, { filter: '#', isTerminal: false, format: 'json' })
  for (let count = 0; count < 1_000; count++) send('a', count)
  expect(objects().length).toBe(1_000)
})
