/** The main job as a newcomer starts it: the built-in broker, the rules of a directory, the simulated fleet. */
import net from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { hasMosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient } from '../support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin, tocsin } from '../support/tocsin.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const rules = `
rules:
  - id: high-temperature
    topic: sensors/+device/temperature
    when: payload > 35
    then:
      - publish: { topic: "sensors/{{ device }}/alert", payload: { type: high_temp, value: "{{ payload }}" } }
`

async function startDemo(args: readonly string[], files: Record<string, string> = { 'rules.yaml': rules }) {
  const directory = makeDirectory(files)
  cleanup.push(async () => directory.remove())
  const running: Running = startTocsin(['demo', directory.path, ...args], { cwd: directory.path })
  cleanup.push(() => running.kill())
  const { msg } = await running.line(/^Built-in broker on/)
  await running.line('subscribed')
  const port = /127\.0\.0\.1:(\d+)/.exec(msg)?.[1]
  return { running, url: `mqtt://127.0.0.1:${port}`, port: Number(port), directory: directory.path }
}

describe('tocsin demo', () => {
  test('the built-in broker carries a reading in and the alert out', async () => {
    const { url, running } = await startDemo(['--no-simulate'])
    const device = await connectClient(url)
    cleanup.push(() => device.end())
    await device.subscribe('sensors/+/alert')
    await device.subscribe('tocsin/status')
    expect((await device.message('tocsin/status')).payload).toBe('online')
    await device.publish('sensors/kiln/temperature', '36.2')
    const alert = await device.message('sensors/kiln/alert')
    expect(JSON.parse(alert.payload)).toEqual({ type: 'high_temp', value: 36.2 })
    expect(await running.stop()).toBe(0)
    expect(running.lines.items.at(-1)?.msg).toBe('stopped')
  })

  test('overlapping filters give each message once there too', async () => {
    const overlapping = `
rules:
  - { id: one, topic: a/+x, then: [{ publish: { topic: out/one, payload: "{{ payload }}" } }] }
  - { id: two, topic: +x/b, then: [{ publish: { topic: out/two, payload: "{{ payload }}" } }] }
`
    const { url } = await startDemo(['--no-simulate'], { 'rules.yaml': overlapping })
    const device = await connectClient(url)
    cleanup.push(() => device.end())
    await device.subscribe('out/#')
    for (let n = 1; n <= 20; n++) await device.publish('a/b', String(n))
    await device.heard.first(
      'the last of one',
      ({ topic, payload }) => topic === 'out/one' && payload === '20',
    )
    await device.heard.first(
      'the last of two',
      ({ topic, payload }) => topic === 'out/two' && payload === '20',
    )
    expect(device.heard.items).toHaveLength(40)
  })

  test('the simulated fleet makes the rule fire within seconds', async () => {
    const { running } = await startDemo([])
    const published = await running.lines.first(
      'an alert',
      ({ msg, topic }) => msg === 'published' && /^sensors\/.+\/alert$/.test(String(topic)),
      15_000,
    )
    expect(published.level).toBe('info')
  })

  test.skipIf(!hasMosquitto)('runs on the broker of MQTT_URL, when there is one', async () => {
    const mosquitto = await startMosquitto()
    cleanup.push(() => mosquitto.close())
    const directory = makeDirectory({ 'rules.yaml': rules })
    cleanup.push(async () => directory.remove())
    const running = startTocsin(['demo', directory.path, '--no-simulate'], {
      cwd: directory.path,
      env: { MQTT_URL: mosquitto.url },
    })
    cleanup.push(() => running.kill())
    await running.line('subscribed')
    const device = await connectClient(mosquitto.url)
    cleanup.push(() => device.end())
    await device.subscribe('sensors/+/alert')
    await device.publish('sensors/kiln/temperature', '36.2')
    await device.message('sensors/kiln/alert')
  })

  test('a taken port is said aloud, and the next one serves', async () => {
    const server = net.createServer()
    const listening = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(1883, '127.0.0.1', () => resolve(true))
    })
    cleanup.push(async () => void (listening && server.close()))
    const { running, port } = await startDemo(['--no-simulate'])
    expect(port).not.toBe(1883)
    await running.line('Port 1883 is taken.')
  })

  test('rules with a problem are not run', async () => {
    const directory = makeDirectory({ 'rules.yaml': 'rules: [{ id: x, topic: "a/b+", then: [] }]' })
    cleanup.push(async () => directory.remove())
    const { code, stderr } = await tocsin(['demo', directory.path], { cwd: directory.path })
    expect(code).toBe(1)
    expect(stderr).toContain('topic-wildcard-placement')
  })
})

describe('the command line', () => {
  test.each([
    [[], 2],
    [['nonsense'], 2],
    [['run'], 2],
    [['check', '--format', 'xml'], 2],
    [['check', '/nowhere/at/all'], 1],
    [['--version'], 0],
    [['--help'], 0],
    [['schema'], 0],
    [['eval', 'payload >', '1'], 1],
    [['eval', 'payload > 0', '1'], 0],
  ])('tocsin %j ends with %i', async (args, code) => {
    expect((await tocsin(args)).code).toBe(code)
  })

  test('run without a configured broker says what to do', async () => {
    const directory = makeDirectory({ 'rules.yaml': rules })
    cleanup.push(async () => directory.remove())
    const { code, stderr } = await tocsin(['run', directory.path])
    expect(code).toBe(1)
    expect(stderr).toContain('No broker is configured')
    expect(stderr).toContain('tocsin demo')
  })
})
