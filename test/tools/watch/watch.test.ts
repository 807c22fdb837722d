import { expect, test } from 'vitest'
import { examplesOf } from '../../docs/pages.ts'
import { messageOf, startMs, watching } from './watching.ts'

const overheating = `rules:
  - id: overheating
    topic: sensors/+device/data
    value: payload.temperature
    when: value > 35
    for: 2m
    clear: { when: value < 33, for: 30s }
    alert: { severity: critical, summary: "{{ device }} is at {{ value }} °C" }
    then: [{ publish: { topic: "sensors/{{ device }}/state", payload: overheating, retain: true } }]
    resolved: [{ publish: { topic: "sensors/{{ device }}/state", payload: ok } }]
`
const high = `rules:
  - id: high-temperature
    topic: sensors/+device/temperature
    when: payload > 35
    then: [{ publish: { topic: "alarms/{{ device }}", payload: "{{ payload }}" } }]
`
const ruleLines = (lines: readonly string[]) =>
  lines.filter((line) => /^ {4}[^ ]/.test(line)).map((line) => line.trim())

test('a message is shown with what each rule made of it, and why not', () => {
  const { send, shown } = watching(high)
  send('sensors/g1/temperature', 21.4)
  send('sensors/g1/temperature', 41.5, { qos: 1 })
  send('sensors/g1/temperature', 'broken')
  send('sensors/g1/temperature', 41.5, { retain: true })
  expect(shown()).toEqual([
    '14:00:00  sensors/g1/temperature  21.4  QoS 0',
    '    · high-temperature: not met — payload > 35 is false (payload = 21.4)',
    '14:00:00  sensors/g1/temperature  41.5  QoS 1',
    '    ▲ high-temperature: met — payload > 35 is true (payload = 41.5)',
    '      → would publish to alarms/g1: 41.5',
    '14:00:00  sensors/g1/temperature  broken  QoS 0',
    '    ? high-temperature: unknown — payload ("broken") cannot be compared: it is not a number',
    '14:00:00  sensors/g1/temperature  41.5  QoS 0, retained',
    '    · high-temperature: skipped — a retained message, replayed',
  ])
})

test('a hold is told with the time that is left, runs out by itself, and clears', () => {
  const { send, shown, pass } = watching(overheating)
  const send36 = () => send('sensors/g1/data', { temperature: 36 })
  send36()
  pass(20_000)
  send36()
  expect(shown().slice(1)).toEqual([
    '    ● overheating: holds — for 2m, 2m left; value > 35 is true (value = 36)',
    '      → alert pending, critical (policy default): g1 is at 36 °C',
    '14:00:20  sensors/g1/data  {"temperature":36}  QoS 0',
    '    ● overheating: holds — for 2m, 1m 40s left; value > 35 is true (value = 36)',
  ])
  pass(100_000)
  expect(shown()).toEqual([
    '14:02:00  ▲ overheating g1: fires — it held for 2m',
    '            → would publish to sensors/g1/state: overheating (retained)',
    '            → would raise the alert, critical (policy default): g1 is at 36 °C',
  ])
  send36()
  send('sensors/g1/data', { temperature: 34 })
  send('sensors/g1/data', {})
  send('sensors/g1/data', { temperature: 20 })
  expect(ruleLines(shown())).toEqual([
    '● overheating: met — fires already; value > 35 is true (value = 36)',
    '● overheating: goes on firing — value < 33 is false (value = 34)',
    '● overheating: goes on firing — value, which is payload.temperature, is missing',
    '● overheating: holds, to clear — for 30s, 30s left; value < 33 is true (value = 20)',
  ])
  pass(30_000)
  expect(shown()).toEqual([
    '14:02:30  ▼ overheating g1: clears — it was so for 30s',
    '            → would publish to sensors/g1/state: ok',
    '            → would resolve the alert (policy default)',
  ])
  send36()
  pass(5_000)
  send('sensors/g1/data', { temperature: 20 })
  expect(shown().at(-1), 'an alert that never fired is not resolved').toBe(
    '    · overheating: not met — its hold ended after 5s; value > 35 is false (value = 20)',
  )
})

test('rules that are not about a threshold say what they wait for', () => {
  const { send, shown, pass, link } = watching(`calendars:
  night: { days: [mon-sun], from: "22:00", to: "06:00", zone: UTC }
rules:
  - { id: silent, topic: s/+id, absent: 1m, then: [{ log: { file: a.csv } }] }
  - { id: seldom, topic: s/+id, throttle: 5m, then: [{ log: { file: a.csv } }] }
  - { id: at-night, topic: s/+id, during: night, when: payload > 0, then: [{ log: { file: a.csv } }] }
  - { id: late, topic: s/+id, during: night, when: payload > 0, clear: {}, then: [{ log: { file: a.csv } }] }
  - { id: average, topic: s/+id, window: { over: 10m, of: payload, min: 3 }, when: window.avg > 5, then: [{ log: { file: a.csv } }] }
  - { id: join, topic: s/+id, with: { limit: { topic: limits/+id } }, when: payload > with.limit.payload, then: [{ log: { file: a.csv } }] }
  - { id: named, topic: s/+id, key: { machine: payload.machine }, when: payload > 0, for: 1s, then: [{ log: { file: a.csv } }] }
  - { id: nowhere, topic: s/+id, when: payload > 0, then: [{ publish: { topic: "x/{{ payload.name }}", payload: 1 } }] }
`)
  send('s/a', 7)
  pass(1_000)
  send('s/a', 7)
  const lines = shown()
  expect(lines.slice(lines.findIndex((line) => line.startsWith('14:00:01')))).toEqual([
    '14:00:01  s/a  7  QoS 0',
    '    ● silent: heard — fires when nothing more comes for 1m',
    '    · seldom: throttled — at most once in 5m; again in 4m 59s',
    '    · at-night: skipped — outside its calendar night',
    '    · late: met, but skipped — outside its calendar night',
    '    ? average: unknown — its window has 2 of at least 3 readings',
    '    ? join: unknown — with.limit.payload is missing',
    '    ▲ nowhere: met — payload > 0 is true (payload = 7)',
    expect.stringMatching(/^ {6}✗ could not: publish: /),
    '    ✗ named: skipped — the key part "machine" is missing',
  ])
  send('limits/a', 5)
  expect(shown().slice(1)).toEqual(['    · kept for rules that look at limits/+id'])
  pass(60_000)
  expect(shown()[0]).toBe('14:01:01  ▲ silent a: fires — nothing was heard for 1m')
  send('s/a', 7)
  expect(ruleLines(shown())).toContain('▼ silent: clears — heard again')
  link({ state: 'offline', failure: { reason: 'closed', message: 'Gone.', help: 'Wait.' }, retryInMs: 1 })
  pass(600_000)
  expect(shown(), 'nobody is silent while nothing can be heard').toEqual(['14:01:01  ● default: Gone. Wait.'])
  link({ state: 'online', sessionPresent: false, protocolVersion: 4 })
  pass(60_000)
  expect(shown()).toEqual([
    '14:11:01  ● connected to default (MQTT 3.1.1)',
    '14:12:01  ▲ silent a: fires — nothing was heard for 1m',
    '            → would log to a.csv: "2026-11-22T14:12:01.000Z", null, null',
  ])
})

test('a message that no rule meets is told with the rules that it nearly meets', () => {
  const { send, shown } = watching(
    `${high}  - { id: all, topic: '#', when: payload == "x", then: [{ log: { file: a.csv } }] }
  - { id: slash, topic: /plant/+id, then: [{ log: { file: a.csv } }] }
`,
    { filter: '#' },
  )
  const near = (topic: string) => {
    send(topic, 1)
    return ruleLines(shown())
  }
  expect(near('tocsin/status')).toEqual([
    '· no rule meets this topic',
    '? nearly all, with # — a topic that begins with a wildcard does not hear tocsin/…',
  ])
  const { send: sendHigh, shown: shownHigh } = watching(high, { filter: '#' })
  const nearHigh = (topic: string) => {
    sendHigh(topic, 1)
    return ruleLines(shownHigh())
  }
  const nearly = (why: string) => [
    '· no rule meets this topic',
    `? nearly high-temperature, with sensors/+device/temperature — ${why}`,
  ]
  expect(nearHigh('Sensors/g1/Temperature')).toEqual(nearly('upper and lower case are not the same'))
  expect(nearHigh('/sensors/g1/temperature')).toEqual(nearly('the message has a / at the beginning'))
  expect(nearHigh('sensors/g1/temperature/')).toEqual(nearly('the message has a / at the end'))
  expect(nearHigh('sensors//g1/temperature')).toEqual(nearly('there is a / too many or too few'))
  expect(nearHigh('sensors/g1/humidity')).toEqual(['· no rule meets this topic'])
  expect(nearHigh('sensors/temperature')).toEqual(['· no rule meets this topic'])
})

test('only what was asked for is shown, and rules still see the rest', () => {
  const yaml = `${high}  - { id: both, topic: sensors/+device/humidity, with: { t: { topic: sensors/+device/temperature } }, when: with.t.payload > 35 and payload > 80, then: [{ log: { file: a.csv } }] }
`
  const one = watching(yaml, { filter: 'sensors/+/humidity' })
  expect(one.wanted()).toEqual([
    'sensors/+/humidity',
    'sensors/+/temperature',
    'sensors/+/temperature',
    'sensors/+/humidity',
  ])
  one.send('sensors/g1/temperature', 40)
  one.send('sensors/g1/humidity', 70)
  expect(one.shown()).toEqual([
    '14:00:00  sensors/g1/humidity  70  QoS 0',
    '    · both: not met — payload > 80 is false (payload = 70)',
  ])
  const two = watching(yaml, { rule: 'both' })
  two.send('sensors/g1/temperature', 40)
  two.send('sensors/g1/humidity', 90)
  expect(ruleLines(two.shown())).toEqual([
    '▲ both: met — with.t.payload > 35 is true (with.t.payload = 40); payload > 80 is true (payload = 90)',
  ])
  const three = watching(yaml)
  three.send('elsewhere', 1)
  expect(three.shown(), 'it came for a joined subscription').toEqual([])
})

test('it ends by itself after so many messages, or after so long', async () => {
  const few = watching(high, { count: 2 })
  few.batch([1, 2, 3].map((payload) => messageOf('sensors/g1/temperature', payload)))
  expect(await few.ended).toEqual({ because: 'count', messages: 2, leftOut: 0, wasOnline: true })
  expect(few.shown().length).toBe(4)
  const short = watching(high, { forMs: 30_000 })
  short.pass(30_000)
  expect(await short.ended).toMatchObject({ because: 'time', messages: 0 })
  const stopped = watching(high)
  stopped.watch.stop()
  expect(await stopped.ended).toMatchObject({ because: 'stopped' })
  stopped.send('sensors/g1/temperature', 1)
  expect(stopped.shown()).toEqual([])
})

test('edited rules are taken over; a hold of a rule that stayed goes on', () => {
  const { send, shown, pass, edit, wanted } = watching(`${overheating}${high.slice(high.indexOf('\n') + 1)}`)
  send('sensors/g1/data', { temperature: 36 })
  pass(60_000)
  edit(`${overheating}  - { id: new, topic: other/+x, when: payload > 1, then: [{ log: { file: a.csv } }] }
`)
  expect(wanted()).toEqual(['sensors/+/data', 'other/+'])
  send('sensors/g1/temperature', 50)
  send('other/a', 2)
  expect(ruleLines(shown()).slice(-1)).toEqual(['▲ new: met — payload > 1 is true (payload = 2)'])
  pass(60_000)
  expect(shown()[0]).toBe('14:02:00  ▲ overheating g1: fires — it held for 2m')
  edit(overheating.replace('35', '36'))
  edit('rules: [{ id: other, topic: a, then: [{ log: { file: a.csv } }] }]')
  pass(3_600_000)
  expect(shown()).toEqual([])
})

test('programs get one JSON object a line', () => {
  const { send, objects, pass, link } = watching(overheating, { format: 'json', filter: '#' })
  send(
    'sensors/g1/data',
    { temperature: 36 },
    {
      qos: 1,
      properties: { contentType: 'a', correlationData: Buffer.from([1, 255]), userProperties: [['k', 'v']] },
    },
  )
  send('Sensors/g1/data', Buffer.from([0xff, 0]))
  expect(objects()).toEqual([
    {
      type: 'message',
      at: '2026-11-22T14:00:00.000Z',
      broker: 'default',
      topic: 'sensors/g1/data',
      payload: '{"temperature":36}',
      payload_bytes: 18,
      qos: 1,
      retained: false,
      properties: { content_type: 'a', correlation_data: 'Af8=', user: [['k', 'v']] },
      rules: [
        {
          rule: 'overheating',
          key: { device: 'g1' },
          verdict: 'true',
          does: 'holds',
          says: 'holds — for 2m, 2m left',
          because: ['value > 35 is true (value = 36)'],
          state: 'pending',
          until: '2026-11-22T14:02:00.000Z',
          would: [
            {
              kind: 'alert',
              change: 'pending',
              severity: 'critical',
              summary: 'g1 is at 36 °C',
              policy: 'default',
            },
          ],
        },
      ],
    },
    {
      type: 'message',
      at: '2026-11-22T14:00:00.000Z',
      broker: 'default',
      topic: 'Sensors/g1/data',
      payload: null,
      payload_base64: '/wA=',
      payload_bytes: 2,
      qos: 0,
      retained: false,
      rules: [],
      nearly: [
        {
          rule: 'overheating',
          topic: 'sensors/+device/data',
          because: 'upper and lower case are not the same',
        },
      ],
    },
  ])
  pass(120_000)
  expect(objects()).toMatchObject([
    {
      type: 'timer',
      rule: 'overheating',
      does: 'fires',
      state: 'firing',
      would: [
        { kind: 'publish', topic: 'sensors/g1/state', payload: 'overheating', retain: true },
        { kind: 'alert', change: 'firing' },
      ],
    },
  ])
  link({ state: 'offline', failure: { reason: 'closed', message: 'Gone.', help: 'Wait.' }, retryInMs: 1 })
  expect(objects()).toMatchObject([{ type: 'link', online: false, message: 'Gone.' }])
})

test('what is too long, or empty, is told', () => {
  const rules = `rules:
  - { id: fine, topic: a, when: payload > 0, then: [{ log: { file: a.csv } }] }
`
  const { send, shown } = watching(rules)
  send('a', '{"cut', { oversizedBytes: 2_000_000, payload: new Uint8Array() })
  send('a', '')
  expect(shown()).toEqual([
    '14:00:00  a  (a packet of 2,000,000 bytes)  QoS 0',
    '    · too long to be taken in',
    '14:00:00  a  (empty)  QoS 0',
    '    ? fine: unknown — payload is missing',
  ])
})

test('answers and commands are told, and no command of ours is waited for', () => {
  const { send, shown, pass } = watching(`rules:
  - id: led
    topic: button/+room
    when: payload == "on"
    then: [{ command: { topic: "led/{{ room }}/set", payload: { state: "ON" }, id: payload.id, ack: { topic: "led/{{ room }}/state", when: payload.state == "ON" }, within: 5s, retries: 1 } }]
  - id: ask
    topic: ask/now
    with: { t: { topic: temp } }
    respond: { t: "{{ with.t.payload }}" }
`)
  send('button/hall', 'on')
  send('led/hall/state', { state: 'ON', id: 'x1' })
  pass(60_000)
  expect(shown()).toEqual([
    '14:00:00  button/hall  on  QoS 0',
    '    ▲ led: met — payload == "on" is true (payload = "on")',
    '      → would command led/hall/set: {"state":"ON"} (waits 5s for led/hall/state, 2 times at most)',
    '14:00:00  led/hall/state  {"state":"ON","id":"x1"}  QoS 0',
    '    · commands may be acknowledged here',
  ])
  send('ask/now', { request_id: 'r1' })
  send('temp', 5)
  send('ask/now', { request_id: 'r2' })
  expect(shown()).toEqual([
    '14:01:00  ask/now  {"request_id":"r1"}  QoS 0',
    '    ▲ ask: takes every message',
    expect.stringMatching(/^ {6}✗ could not: /),
    expect.stringMatching(/^ {4}→ would answer on response\/r1: \{"status":"error"/),
    '14:01:00  temp  5  QoS 0',
    '    · kept for rules that look at temp',
    '14:01:00  ask/now  {"request_id":"r2"}  QoS 0',
    '    ▲ ask: takes every message',
    '      → would answer on response/r2: {"t":5,"request_id":"r2"}',
  ])
})

test('a rule that forwards as it was published is met over the one connection, too', () => {
  const { send, shown, wanted } = watching(`brokers:
  default: { url: mqtt://127.0.0.1:1 }
  cloud: { url: mqtt://127.0.0.1:2 }
rules:
  - { id: far, topic: far/#rest, then: [{ forward: { to: cloud, prefix: up, retain: keep } }] }
  - { id: near, topic: far/+, when: payload > 1, then: [{ log: { file: a.csv, columns: [payload] } }] }
`)
  expect(wanted().sort()).toEqual(['far/#', 'far/+'])
  send('far/x', 5, { retain: true })
  expect(shown()).toEqual([
    '14:00:00  far/x  5  QoS 0, retained',
    '    ▲ far: takes every message',
    '      → would forward to up/far/x at cloud: 5 (QoS 0, retained)',
    '    · near: skipped — a retained message, replayed',
  ])
})

test('docs/testing.md shows what is shown', () => {
  const examples = examplesOf('docs/testing.md')
  const rules = examples.find(({ kind }) => kind === 'check')?.text ?? ''
  const text = examples.find(({ kind }) => kind === 'watch')?.text ?? ''
  const { send, shown, pass, clock } = watching(rules, { filter: '#' })
  const sent = [...text.matchAll(/^14:(\d\d):(\d\d) {2}(\S+) {2}(\S+) {2}QoS 1$/gm)]
  expect(sent.length).toBeGreaterThan(5)
  for (const [, minutes, seconds, topic = '', payload] of sent) {
    pass(startMs + (Number(minutes) * 60 + Number(seconds)) * 1_000 - clock.now())
    send(topic, payload, { qos: 1 })
  }
  expect(shown().join('\n')).toBe(text)
})
