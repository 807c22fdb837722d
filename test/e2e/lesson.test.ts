/**
 * The clients of a widely used MQTT tutorial, in Python and unchanged, beside one Tocsin with the rules that are
 * shipped: what they do, its rules do too.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient, type TestClient } from '../support/mqtt-client.ts'
import { hasPaho, type PythonProgram, startPython } from '../support/python.ts'
import { makeDirectory, type Running, tocsin as runTocsin, startTocsin } from '../support/tocsin.ts'
import { waitFor } from '../support/wait-for.ts'

const root = path.resolve(import.meta.dirname, '../..')

/** A machine without Python may leave these out; the one that decides what goes in may not. */
test.runIf(process.env.CI !== undefined)('Python with paho-mqtt is there', () => {
  expect(hasPaho).toBe(true)
})

describe.skipIf(!hasMosquitto || !hasPaho)('the clients of the lesson', () => {
  let mosquitto: Mosquitto
  let directory: ReturnType<typeof makeDirectory>
  let tocsin: Running
  let person: TestClient
  const programs: PythonProgram[] = []

  const drive = (...args: readonly string[]) => {
    const [client = '', ...rest] = args
    const program = startPython(
      [path.join(root, 'test/lesson/drive.py'), client, String(mosquitto.port), ...rest],
      directory.path,
    )
    programs.push(program)
    return program
  }
  const read = (file: string) => {
    try {
      return readFileSync(path.join(directory.path, file), 'utf8')
    } catch {
      return ''
    }
  }
  const shipped = (file: string) => readFileSync(path.join(root, 'rules', file), 'utf8')
  const records = (file: string) => read(file).split('\r\n').slice(1, -1)

  beforeAll(async () => {
    mosquitto = await startMosquitto()
    directory = makeDirectory({
      'rules/greenhouse.yaml': shipped('greenhouse.yaml'),
      'rules/people.yaml': shipped('people.yaml'),
      'rules/more.yaml': `
brokers: { default: { url: "${mosquitto.url}" } }
settings: { storage: memory, http: { listen: off } }
rules:
  - id: answers
    topic: request
    respond: { status: success, result: "{{ payload.data.a | plus: payload.data.b }}" }
`,
    })
    tocsin = startTocsin(['run', 'rules'], { cwd: directory.path })
    person = await connectClient(mosquitto.url)
    await tocsin.line('subscribed')
  })
  afterAll(async () => {
    await Promise.all(programs.map((program) => program.end('SIGKILL')))
    await person?.end()
    await tocsin?.kill()
    await mosquitto?.close()
    directory?.remove()
  })

  test('their readings become the same file, byte for byte, and their wills are heard', async () => {
    const logger = drive('logger', 'python.csv')
    // A retained message comes to who has subscribed: from here on it hears everything.
    await person.publish('devices/probe/status', 'online', { retain: true })
    await logger.line('[STATUS] probe: online')
    const careful = drive('publisher', 'sensor_rpi001', '0.02')
    const crashing = drive('publisher', 'sensor_rpi002', '0.02')
    for (const device of ['sensor_rpi001', 'sensor_rpi002']) {
      await logger.line(`[STATUS] ${device}: online`)
      await waitFor(
        `30 readings of ${device}`,
        () => records('python.csv').filter((record) => record.includes(device)).length >= 30,
      )
    }
    await careful.end('SIGINT')
    await crashing.end('SIGKILL')
    for (const device of ['sensor_rpi001', 'sensor_rpi002']) {
      await logger.line(`[STATUS] ${device}: offline`)
      const file = `logs/status/${device}.csv`
      await waitFor('the status log', () => records(file).length === 2)
      expect(records(file).map((record) => record.split(',').slice(1))).toEqual([
        [device, 'online'],
        [device, 'offline'],
      ])
    }
    const theirs = read('python.csv')
    expect(theirs.split('\r\n')[0]).toBe('timestamp,device_id,temperature,humidity,pressure')
    await waitFor('the last reading', () => read('logs/sensor_data.csv').length >= theirs.length)
    expect(read('logs/sensor_data.csv')).toBe(theirs)
  })

  test('their router and the rule send the same alerts', async () => {
    const router = drive('router')
    await router.line('Subscribed to: devices/+/command')
    await person.publish('devices/probe/command', 'ready?')
    await waitFor('the router to listen', async () => {
      if (router.lines.items.some((line) => line.startsWith('[COMMAND] probe'))) return true
      await person.publish('devices/probe/command', 'ready?')
      return false
    })
    await person.subscribe('sensors/+/alert')
    const sent = ['20.5', '34.99', '35', '35.0', '35.01', '36', '-5', '1e2', '37.80', '20.5']
    for (const temperature of sent) await person.publish('sensors/kiln/temperature', temperature)
    const alerts = sent
      .map(Number)
      .filter((value) => value > 35)
      .map((value) => ({ type: 'high_temp', value }))
    await person.heard.count(alerts.length * 2)
    // Python's JSON has blanks, which tells who sent what.
    const isPython = ({ payload }: { payload: string }) => payload.includes(': ')
    const [theirs = [], ours = []] = [isPython, (one: { payload: string }) => !isPython(one)].map((who) =>
      person.heard.items.filter(who).map(({ payload }) => JSON.parse(payload)),
    )
    expect(theirs).toEqual(alerts)
    expect(ours).toEqual(alerts)
    await router.line('[ALERT] kiln')
  })

  test('a rule answers the requests of their client, each with its own data', async () => {
    const requests = [{ a: 1, b: 2 }, { a: 20, b: 22 }, { a: 1 }]
    const client = drive('client', JSON.stringify(requests), '5')
    expect(await client.ended).toBe(0)
    const answers = client.lines.items.map((line) => JSON.parse(line))
    expect(answers).toEqual([
      { status: 'success', result: 3, request_id: expect.any(String) },
      { status: 'success', result: 42, request_id: expect.any(String) },
      {
        status: 'error',
        error: { code: 'bad-request', message: 'The request lacks `data.b`.' },
        request_id: expect.any(String),
      },
    ])
  })

  test('their server answers `tocsin request`', async () => {
    const server = drive('server', 'jobs')
    await server.line('ready')
    const argv = ['request', 'jobs', '{"data": {"job": 7}}', 'rules']
    const asked = await runTocsin(argv, { cwd: directory.path })
    expect(asked.code, asked.stderr).toBe(0)
    expect(JSON.parse(asked.stdout)).toEqual({ status: 'success', result: 'processed' })
  })
})
