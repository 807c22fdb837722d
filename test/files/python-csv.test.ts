/** A log file holds, byte for byte, what Python's csv module writes for the same messages. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { log } from '../../src/actions/log/log.ts'
import { runAction } from '../actions/run-action.ts'
import { useLogFolder } from './log-folder.ts'

const folder = useLogFolder()

const script = `
import csv, json, sys
messages = json.load(sys.stdin)
writer = csv.writer(open(1, 'w', newline='', encoding='utf-8'))
columns = ['timestamp', 'device_id', 'temperature', 'humidity', 'pressure']
writer.writerow(columns)
for device_id, text in messages:
    data = json.loads(text)
    writer.writerow([data['timestamp'], device_id, data['temperature'], data['humidity'], data['pressure']])
`
const hasPython = spawnSync('python3', ['--version']).status === 0

test.skipIf(!hasPython)('the lines of the lesson, whatever the values', async () => {
  const numbers = [
    '21.37',
    '25.0',
    '0',
    '-0.0',
    '-12.5',
    '1013.2',
    '1000.0',
    '1e-07',
    '1e+16',
    '12345678901234567890',
  ]
  const texts = [
    '',
    'a,b',
    'say "hi"',
    '"',
    'one\ntwo',
    'one\r\ntwo',
    'cr\rcr',
    ' blank ',
    'Küche',
    '🌡',
    "o'clock",
    'a;b\tc',
  ]
  const messages = [
    ...numbers.map((n) => [
      'sensor_rpi001',
      `{"timestamp":"2026-01-01T00:00:00.123450","temperature":${n},"humidity":${n},"pressure":${n}}`,
    ]),
    ...texts.map((text) => [
      text,
      JSON.stringify({ timestamp: text, temperature: text, humidity: null, pressure: 1 }),
    ]),
  ] as [string, string][]
  const writer = folder.writer()
  for (const [device_id, text] of messages) {
    const columns = ['timestamp', 'device_id', 'temperature', 'humidity', 'pressure']
    const situation = { captures: { device_id }, payload: JSON.parse(text), bytes: Buffer.from(text) }
    const effect = runAction(log, { file: 'sensor_data.csv', columns }, situation)
    if (typeof effect === 'string' || effect.kind !== 'log') throw new Error('no line')
    expect(await writer.write([effect])).toEqual([{ ok: true }])
  }
  const { stdout, stderr } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(messages),
    encoding: 'utf8',
  })
  expect(stderr).toBe('')
  expect(await folder.bytes('sensor_data.csv')).toBe(stdout)
})
