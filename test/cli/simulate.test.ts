/** `tocsin simulate` as people see it: what it shows on a terminal and in a file, and what it refuses. */
import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { actions } from '../../src/actions/index.ts'
import { channels } from '../../src/channels/index.ts'
import { runCli } from '../../src/cli/cli.ts'
import type { Parts } from '../../src/cli/parts.ts'
import { decoders } from '../../src/decoders/index.ts'
import { systemClock } from '../../src/engine/system-clock.ts'
import { scenarios } from '../../src/tools/simulate/scenario.ts'
import { freePort, hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { makeDirectory } from '../support/tocsin.ts'
import { waitFor, within } from '../support/wait-for.ts'

class Screen extends Writable {
  text = ''
  readonly columns = 72
  readonly isTTY: boolean
  constructor(isTTY: boolean) {
    super()
    this.isTTY = isTTY
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

const parts = { version: '0', actions, decoders, channels, clock: systemClock() } as Partial<Parts> as Parts

function start(argv: readonly string[], { isTTY = false, env = {} } = {}) {
  const stdout = new Screen(isTTY)
  const stderr = new Screen(isTTY)
  const { promise, resolve: interrupt } = Promise.withResolvers<string>()
  const code = runCli(['simulate', ...argv], '0', parts, {
    env,
    stdout,
    stderr,
    stdin: process.stdin,
    zone: 'UTC',
    stopRequested: () => promise,
    onHangup: () => () => {},
  })
  return { code, stdout, stderr, stop: () => interrupt('SIGINT') }
}

describe.skipIf(!hasMosquitto)('with a broker', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto()
  })
  afterAll(() => mosquitto.close())

  test('a line is redrawn on a terminal; a broker that goes away is explained once; Ctrl+C says offline', async () => {
    const { code, stdout, stop } = start(
      ['--url', mosquitto.url, '--devices', '3', '--rate', '60/s', '--scenario', 'steady'],
      { isTTY: true },
    )
    await waitFor('progress', () => /3\/3 online · \d+(\.\d)? messages\/s · \d+ ackn/.test(stdout.text))
    await mosquitto.kill()
    await waitFor('the explanation', () => stdout.text.includes('Check that the broker runs'))
    await mosquitto.restart()
    await waitFor('everybody to be back', () => /3\/3 online .* 3 reconnects/.test(stdout.text))
    stop()
    expect(await within(5_000, 'the end', code)).toBe(0)
    const shown = stdout.text.split('\r\u001b[2K')
    expect(shown[1]).toBe(
      `3 devices at ${mosquitto.url}: 60 messages/s together, a reading of each every 0.15 s. Scenario steady, seed 1. Ctrl+C ends it.\n`,
    )
    expect(shown.at(-1)).toMatch(/^Stopped: \d+ messages acknowledged in \d+ s · 3 reconnects · .*\.\n$/)
    expect(stdout.text.split('Check that the broker runs')).toHaveLength(2)
    const progress = shown.filter((line) => line.includes('online ·'))
    expect(Math.max(...progress.map((line) => stripVTControlCharacters(line).length))).toBeLessThanOrEqual(72)
    const listener = await connectClient(mosquitto.url)
    await listener.subscribe('devices/+/status')
    const statuses = await listener.heard.count(3)
    await listener.end()
    expect(statuses.map(({ payload }) => payload)).toEqual(['offline', 'offline', 'offline'])
  })

  test('machines get JSON lines; --for ends it', async () => {
    const directory = makeDirectory({ 'broker.yaml': `brokers: { default: { url: "${mosquitto.url}" } }` })
    const argv = [directory.path, '--devices', '2', '--rate', '1200/m', '--for', '1200ms', '--format', 'json']
    const { code, stdout, stderr } = start(argv)
    expect(await code, stderr.text).toBe(0)
    directory.remove()
    const lines = stdout.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(0)).toMatchObject({ devices: 2, online: 2, reconnects: 0, commands: 0 })
    expect(lines.at(-1)).toMatchObject({ ended: true, online: 0, lost: 0, refused: 0 })
    expect(lines.at(-1).acknowledged).toBeGreaterThan(10)
  })
})

test('without a broker it says where it looked and what to do, goes on trying, and ends with 1', async () => {
  const url = `mqtt://127.0.0.1:${await freePort()}`
  const { code, stdout, stderr } = start(['--devices', '1', '--for', '300ms'], { env: { MQTT_URL: url } })
  expect(await code).toBe(1)
  expect(stderr.text).toMatch(/^sensor_rpi001: Nothing listens at .*\nCheck that the broker runs.*\n$/)
  expect(stdout.text).toContain(`1 device at ${url}:`)
  expect(stdout.text).toContain('Stopped: 0 messages acknowledged')
})

test.each([
  [['--rate', '10'], 'such as 10/s'],
  [['--rate', '0/s'], 'from 1/h'],
  [['--rate', '1e3/s'], 'such as 10/s'],
  [['--rate', '200000/s'], 'to 100000/s'],
  [['--devices', '0'], 'from 1 to 10000'],
  [['--devices', '20000'], 'For more load, raise --rate'],
  [['--scenario', 'chaos'], 'Write one of mixed, overheating, silent, flapping, motion, steady'],
  [['--seed', 'x'], 'Write a whole number'],
  [['--for', '90'], 'such as 30s'],
  [['--broker', 'nowhere'], 'There is no broker nowhere'],
  [['--url', 'localhost:1883'], 'mqtt://host:1883'],
  [['--url', 'mqtt://%zz@h'], 'mqtt://host:1883'],
])('%j is wrong usage, and says what to write', async (argv, help) => {
  const { code, stderr } = start(argv)
  expect(await code).toBe(2)
  expect(stderr.text).toContain(help)
})

test('docs/simulate.md has every option and every scenario', async () => {
  const page = readFileSync(new URL('../../docs/simulate.md', import.meta.url), 'utf8')
  const { stdout, code } = start(['--help'])
  expect(await code).toBe(0)
  const options = [...stdout.text.matchAll(/^ {2}(--[a-z]+)/gm)].map(([, name]) => name)
  expect(options.length).toBeGreaterThan(5)
  expect([...options, ...scenarios].filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([])
})

test('a directory that cannot be read is told', async () => {
  const { code, stderr } = start(['/nowhere/at/all'])
  expect(await code).toBe(1)
  expect(stderr.text).toContain('does not exist')
})
