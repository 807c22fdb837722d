import { describe, expect, test } from 'vitest'
import { log } from '../../src/actions/log/log.ts'
import { compileAction, runAction, type Situation } from './run-action.ts'

/** Column name → value of the record that is written; or the reason why there is none. */
function logged(written: object, situation?: Situation) {
  const effect = runAction(log, { file: 's.csv', ...written }, situation)
  if (typeof effect === 'string') return effect
  if (effect.kind !== 'log') throw new Error(effect.kind)
  return Object.fromEntries(effect.columns.map((name, index) => [name, effect.values[index]]))
}

const codes = (written: object, situation?: Situation) =>
  compileAction(log, { file: 's.csv', ...written }, situation).problems.map(({ code, path }) => [
    code,
    path.join('.'),
  ])

const reading = { timestamp: '2025-12-31T23:59:59', temperature: 21.5, humidity: 45.25, pressure: 1013.2 }

test('the logger of the MQTT lesson', () => {
  const written = {
    file: 'sensor_data.csv',
    columns: ['timestamp', 'device_id', 'temperature', 'humidity', 'pressure'],
  }
  const situation = { captures: { device_id: 'rpi001' }, payload: reading }
  expect(runAction(log, written, situation)).toEqual({
    kind: 'log',
    file: 'sensor_data.csv',
    format: 'csv',
    columns: ['timestamp', 'device_id', 'temperature', 'humidity', 'pressure'],
    values: ['2025-12-31T23:59:59', 'rpi001', 21.5, 45.25, 1013.2],
    rotate: { sizeBytes: 10 * 1024 * 1024, keep: 5 },
  })
})

describe('columns', () => {
  test('without them: when, where, what', () => {
    expect(logged({}, { payload: reading })).toEqual({
      received_at: '2026-01-02T03:04:05.000Z',
      topic: 'sensors/d1/data',
      payload: reading,
    })
  })

  test('a plain name is a capture or a variable, else a part of the payload', () => {
    const columns = ['device', 'value', 'topic', 'temperature', 'where.room', 'payload.humidity', 'nope']
    const payload = { ...reading, device: 'not this', topic: 'nor this', where: { room: 'attic' } }
    expect(logged({ columns }, { payload, value: 7 })).toEqual({
      device: 'd1',
      value: 7,
      topic: 'sensors/d1/data',
      temperature: 21.5,
      'where.room': 'attic',
      'payload.humidity': 45.25,
      nope: null,
    })
  })

  test.each([
    ['{"temperature": 21.0, "humidity":45.50}', { temperature: '21.0', 'payload.humidity': '45.50' }],
    ['{"temperature":1e2,"humidity":-0.5e-07}', { temperature: '1e2', 'payload.humidity': '-0.5e-07' }],
    [
      '{"temperature":12345678901234567890,"humidity":1}',
      { temperature: '12345678901234567890', 'payload.humidity': 1 },
    ],
    ['{"temperature":21.5,"humidity":45}', { temperature: 21.5, 'payload.humidity': 45 }],
    [
      '{"temperature":"21.0","humidity":{"now":1.0}}',
      { temperature: '21.0', 'payload.humidity': { now: 1 } },
    ],
    [
      '{"humidity":1.0,"humidity":2.0,"__proto__":{"temperature":3.0}}',
      { temperature: null, 'payload.humidity': '2.0' },
    ],
  ])('numbers stay as the device wrote them: %s', (text, values) => {
    const columns = ['temperature', 'payload.humidity']
    const situation = { payload: JSON.parse(text), bytes: Buffer.from(text) }
    expect(logged({ columns }, situation)).toEqual(values)
    const { temperature } = JSON.parse(text)
    expect(logged({ columns: ['temperature'], format: 'ndjson' }, situation)).toEqual({
      temperature: temperature ?? null,
    })
  })

  test('so does a payload that is nothing but a number; other formats have no writing to keep', () => {
    const columns = ['payload']
    expect(logged({ columns }, { payload: 21, bytes: Buffer.from(' 21.0\n') })).toEqual({ payload: '21.0' })
    expect(logged({ columns }, { payload: 21, bytes: Buffer.from('+21.0') })).toEqual({ payload: 21 })
    expect(logged({ columns: ['t'] }, { payload: { t: 20 }, bytes: Buffer.from('{"t":21.0}') })).toEqual({
      t: 20,
    })
  })

  test('`time` and the like are the payload’s own, their parts are the variables', () => {
    const payload = { time: '12:00', value: 3 }
    expect(logged({ columns: ['time', 'time.hour', 'value'] }, { payload })).toEqual({
      time: '12:00',
      'time.hour': 3,
      value: 3,
    })
  })

  test('`timestamp` is the payload’s own, else when the message came, else now', () => {
    const columns = ['timestamp']
    expect(logged({ columns }, { payload: { timestamp: 1700000000 } })).toEqual({ timestamp: 1700000000 })
    expect(logged({ columns }, { payload: 21.5 })).toEqual({ timestamp: '2026-01-02T03:04:05.000Z' })
    expect(logged({ columns }, { receivedAt: undefined })).toEqual({ timestamp: '2026-01-02T03:04:06.000Z' })
  })

  test('a name with a template, in a list or as a map', () => {
    const celsius = '{{ payload.temperature }}'
    const text = '{{ device }}: {{ payload.nope }}'
    const record = { celsius: 21.5, text: 'd1: ?', unit: 'C' }
    expect(logged({ columns: [{ celsius }, { text }, { unit: 'C' }] }, { payload: reading })).toEqual(record)
    expect(logged({ columns: { celsius, text, unit: 'C' } }, { payload: reading })).toEqual(record)
  })

  test('missing, bytes and big integers become what a file can hold', () => {
    const payload = { none: null, bytes: new Uint8Array([104, 105]), big: 2n ** 60n }
    expect(logged({ columns: ['none', 'bytes', 'big'] }, { payload })).toEqual({
      none: null,
      bytes: 'aGk=',
      big: '1152921504606846976',
    })
  })

  test('nothing is reached through a prototype', () => {
    const columns = ['constructor', '__proto__', 'toString', 'a.constructor.name']
    const effect = runAction(log, { file: 's.csv', columns }, { payload: { a: {} } })
    expect(effect).toMatchObject({ columns, values: [null, null, null, null] })
  })

  test.each<[unknown, string]>([
    [[], 'columns'],
    [['a', 'a'], 'columns.1'],
    [['a', { a: 1 }], 'columns.1.a'],
    [[''], 'columns.0'],
    [['a\nb'], 'columns.0'],
    [['{{ payload.t }}'], 'columns.0'],
    [Array.from({ length: 201 }, (_, n) => `c${n}`), 'columns'],
  ])('%j is refused', (columns, path) => {
    expect(codes({ columns })).toContainEqual(['log-columns', path])
  })

  test('the form of other tools is answered with ours', () => {
    const columns = ['a', { name: 's', value: '{{ payload.s }}' }]
    const [problem, ...others] = compileAction(log, { file: 's.csv', columns }).problems
    expect(others).toEqual([])
    expect(problem).toMatchObject({
      code: 'log-columns',
      path: ['columns', 1],
      message: 'A column is not written with `name` and `value`',
      help: 'Write the name before the colon and the value after it: { s: "{{ payload.s }}" }.',
    })
    // As a map, and with values of their own, both are names as good as any.
    expect(codes({ columns: { name: 'x', value: '{{ payload }}' } })).toEqual([])
    expect(codes({ columns: [{ name: '{{ payload.name }}', value: '{{ payload }}' }] })).toEqual([])
    expect(codes({ columns: [{ name: 'x' }] })).toEqual([])
  })

  test('a variable that the rule does not have is told', () => {
    expect(codes({ columns: ['window.avg', { a: '{{ nope }}' }] })).toEqual([
      ['template-unknown-variable', 'columns.0'],
      ['template-unknown-variable', 'columns.1.a'],
    ])
  })
})

describe('the file', () => {
  test('may be named by values, which never lead out of the directory', () => {
    const file = 'by-device/{{ payload }}.csv'
    expect(runAction(log, { file }, { payload: '../../etc/passwd' })).toMatchObject({
      file: expect.stringMatching(/^by-device\/[^/]*\.csv$/),
    })
    expect(logged({ file }, {})).toMatch(/^missing: /)
  })

  test.each([
    '',
    '/var/log/s.csv',
    '../s.csv',
    'a/../s.csv',
    'C:/s.csv',
    'a\\s.csv',
    'a//s.csv',
    'a/',
    '{{ device }}/../s.csv',
  ])('%j is refused at load', (file) => {
    const problems = codes({ file, format: 'csv' })
    expect(problems).toHaveLength(1)
    expect(problems[0]?.[1]).toBe('file')
  })

  test('names of rotated files are refused, at load or when a value makes one', () => {
    expect(codes({ file: 's.csv.1', format: 'csv' })).toEqual([['log-file-name', 'file']])
    expect(logged({ file: 's.{{ payload }}', format: 'csv' }, { payload: 1 })).toMatch(/^invalid: /)
  })

  test('its ending tells the format', () => {
    expect(runAction(log, { file: 'a.jsonl' })).toMatchObject({ format: 'ndjson' })
    expect(runAction(log, { file: '{{ device }}.CSV' })).toMatchObject({ format: 'csv' })
    expect(runAction(log, { file: 'a.csv', format: 'ndjson' })).toMatchObject({ format: 'ndjson' })
    expect(codes({ file: 'a.txt' })).toEqual([['log-format', 'file']])
  })
})

describe('rotate', () => {
  test('takes sizes as people write them', () => {
    expect(runAction(log, { file: 's.csv', rotate: { size: '500KiB', keep: 2 } })).toMatchObject({
      rotate: { sizeBytes: 512_000, keep: 2 },
    })
    expect(runAction(log, { file: 's.csv', rotate: { size: 2048 } })).toMatchObject({
      rotate: { sizeBytes: 2048, keep: 5 },
    })
  })

  test.each([
    { size: '10 megabytes' },
    { size: '10' },
    { size: -1 },
    { size: 1.5 },
    { keep: 0 },
    { keep: 1000 },
    { every: '1d' },
  ])('%j is refused', (rotate) => {
    expect(log.schema.safeParse({ file: 's.csv', rotate }).success).toBe(false)
  })

  test('a size in other units is told what to write', () => {
    const read = log.schema.safeParse({ file: 's.csv', rotate: { size: '10 megabytes' } })
    expect(JSON.stringify(read.error?.issues)).toContain('10MiB')
  })
})

test('it tells what it reads, and publishes nowhere', () => {
  const { action } = compileAction(log, {
    file: '{{ device }}.csv',
    columns: ['topic', 'a.b', { c: '{{ payload.t }}' }],
  })
  expect(action?.uses).toEqual([['device'], ['topic'], ['payload', 'a', 'b'], ['payload', 't']])
  expect(action?.publishesTo).toEqual([])
})
