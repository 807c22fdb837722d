import { expect, test } from 'vitest'
import { topicLimit } from '../../../src/tools/watch/latest.ts'
import { watching } from './watching.ts'

const rules = `rules:
  - { id: hot, topic: sensors/+device/temperature, when: payload > 35, then: [{ publish: { topic: "a/{{ device }}", payload: 1 } }] }
  - { id: hot-long, topic: sensors/+device/temperature, when: payload > 30, for: 1m, then: [{ log: { file: a.csv } }] }
  - { id: log, topic: sensors/#, then: [{ log: { file: a.csv } }] }
`
const screens = (lines: readonly string[]) =>
  lines
    .join('\n')
    .split(/\u001b\[\d+F/)
    .map((frame) =>
      frame
        .replaceAll(/\u001b\[[JK]/g, '')
        .split('\n')
        .filter((line) => line !== ''),
    )

test('one row a topic, drawn in place, with its age, its count and the rules that fire', () => {
  const { send, shown, pass } = watching(rules, { latest: true, columns: 80, rows: 24 })
  send('sensors/g10/temperature', 21)
  send('sensors/g2/temperature', 34)
  send('sensors/g2/temperature', 36)
  send('sensors/g2/data', { at: '2026-11-22', temperature: 36.5, humidity: 40 })
  pass(250)
  expect(screens(shown()).at(-1)).toEqual([
    'what rules listen to: 3 topics, 4 messages',
    'TOPIC                    LATEST                     AGE  COUNT  RULES',
    'sensors/g2/data          temperature 36.5, humidi…  now      1',
    'sensors/g2/temperature   36                         now      2  ▲ hot ● hot-long',
    'sensors/g10/temperature  21                         now      1',
  ])
  pass(60_000)
  const last = screens(shown()).at(-1) ?? []
  expect(last[3]).toMatch(/^sensors\/g2\/temperature +36 +1m +2 {2}▲ hot-long ▲ hot$/)
})

test('of what has many members the state stands first, then what was measured', () => {
  const { send, shown, pass } = watching(rules, { latest: true, columns: 120, rows: 24 })
  send('sensors/plug', { device: 'plug', on: false, power: 12, state: 'ON' })
  pass(250)
  expect(screens(shown()).at(-1)?.[2]).toMatch(/^sensors\/plug +state ON, on false, power 12/)
})

test('what has no room on the screen is counted, and what is not heard any more makes room', () => {
  const { send, shown, pass } = watching(rules, { latest: true, columns: 80, rows: 10 })
  for (let index = 0; index < topicLimit + 50; index++) send(`sensors/d${index}/data`, index)
  pass(250)
  const frames = screens(shown())
  const frame = frames.at(-1) ?? []
  expect(frame.length).toBeLessThan(10)
  expect(frame[0]).toBe('what rules listen to: 1,000 topics, 1,050 messages')
  expect(frame.at(-2)).toMatch(/^sensors\/d1049\/data/)
  expect(frame.at(-1)).toBe('… 994 more topics, heard longer ago; 50 times a topic was dropped to make room')
})

test('a link that is down stands above the table', () => {
  const { link, shown, pass } = watching(rules, { latest: true, columns: 80, filter: 'sensors/#' })
  link({ state: 'offline', failure: { reason: 'closed', message: 'Gone.', help: 'Wait.' }, retryInMs: 1 })
  pass(250)
  expect(screens(shown()).at(-1)?.[0]).toBe('sensors/#: 0 topics, 0 messages  ●  default: Gone.')
})

test('behind a pipe the table comes once, at the end; programs get one object a topic', async () => {
  const text = watching(rules, { latest: true, isTerminal: false, count: 2 })
  text.send('sensors/g1/temperature', 40)
  expect(text.shown()).toEqual([])
  text.send('sensors/g1/temperature', 41, { retain: true })
  await text.ended
  expect(text.shown()).toEqual([
    'TOPIC                   LATEST         AGE  COUNT  RULES',
    'sensors/g1/temperature  41 (retained)  now      2  ● hot-long',
  ])
  const json = watching(rules, { latest: true, format: 'json', count: 1 })
  json.send('sensors/g1/temperature', 40)
  await json.ended
  expect(json.objects()).toEqual([
    {
      type: 'latest',
      at: '2026-11-22T14:00:00.000Z',
      broker: 'default',
      topic: 'sensors/g1/temperature',
      payload: '40',
      payload_bytes: 2,
      retained: false,
      count: 1,
      rules: [
        { rule: 'hot', does: 'acts' },
        { rule: 'hot-long', does: 'holds' },
      ],
    },
  ])
})
