/** The whole program against a real Mosquitto: the router rule that every MQTT tutorial writes by hand. */
import { renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { startMosquitto } from '../support/mosquitto.ts'
import { connectClient, type TestClient } from '../support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'

const users = { tocsin: 'pass-word-1', device: 'pass-word-2' }
const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

const router = `
rules:
  - id: high-temperature
    topic: sensors/+device/temperature
    when: payload > 35
    then:
      - publish: { topic: "sensors/{{ device }}/alert", payload: { type: high_temp, value: "{{ payload }}" } }
`

async function start(
  rules: string,
  protocol: '3.1.1' | '5',
  broker?: Parameters<typeof startMosquitto>[0],
): Promise<{
  running: Running
  device: TestClient
  directory: string
  mosquitto: Awaited<ReturnType<typeof startMosquitto>>
}> {
  const mosquitto = await startMosquitto({ users, persistence: true, ...broker })
  cleanup.push(() => mosquitto.close())
  const brokers = `
brokers:
  default: { url: "\${env:URL}", username: tocsin, password: "\${env:PASSWORD}", client_id: tocsin-e2e, protocol: "${protocol}" }
settings: { storage: memory }
`
  const directory = makeDirectory({ 'rules.yaml': rules, 'brokers.yaml': brokers })
  cleanup.push(async () => directory.remove())
  const running = startTocsin(['run', directory.path, '--log-level', 'debug'], {
    env: { URL: mosquitto.url, PASSWORD: users.tocsin },
    cwd: directory.path,
  })
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  const device = await connectClient(mosquitto.url, { username: 'device', password: users.device })
  cleanup.push(() => device.end())
  return { running, device, directory: directory.path, mosquitto }
}

describe.each(['3.1.1', '5'] as const)('on Mosquitto with MQTT %s', (protocol) => {
  test('a reading above 35 becomes an alert, one below does not', async () => {
    const { running, device } = await start(router, protocol)
    await device.subscribe('sensors/+/alert')
    await device.publish('sensors/g1/temperature', '36.2')
    await device.publish('sensors/g2/temperature', '34.9')
    await device.publish('sensors/g3/temperature', 'NaN')
    await device.publish('sensors/g4/temperature', '40')
    const last = await device.message('sensors/g4/alert')
    expect(JSON.parse(last.payload)).toEqual({ type: 'high_temp', value: 40 })
    const first = device.heard.items[0]
    expect(first).toMatchObject({ topic: 'sensors/g1/alert', retain: false, qos: 1 })
    expect(JSON.parse(first?.payload ?? '')).toEqual({ type: 'high_temp', value: 36.2 })
    const topics = new Set(device.heard.items.map(({ topic }) => topic))
    expect([...topics].sort()).toEqual(['sensors/g1/alert', 'sensors/g4/alert'])
    expect(await running.stop()).toBe(0)
  })

  test('overlapping filters make no rule see a message twice', async () => {
    const rules = `
rules:
  - { id: one, topic: a/+x, then: [{ publish: { topic: "out/one", payload: "{{ payload.n }}" } }] }
  - { id: two, topic: +x/b, then: [{ publish: { topic: "out/two", payload: "{{ payload.n }}" } }] }
  - { id: all, topic: "a/#", then: [{ publish: { topic: "out/all", payload: "{{ payload.n }}" } }] }
  - { id: both, topic: [a/+x, +x/b], then: [{ publish: { topic: "out/both", payload: "{{ payload.n }}" } }] }
`
    const { device } = await start(rules, protocol)
    await device.subscribe('out/#')
    for (let n = 1; n <= 50; n++) await device.publish('a/b', JSON.stringify({ n }))
    await device.publish('a/z', JSON.stringify({ n: 'end' }))
    await device.heard.first('the end', ({ topic, payload }) => topic === 'out/all' && payload === 'end')
    await device.heard.first('the end', ({ topic, payload }) => topic === 'out/both' && payload === 'end')
    const counts: Record<string, number> = {}
    for (const { topic, payload } of device.heard.items)
      if (payload !== 'end') counts[topic] = (counts[topic] ?? 0) + 1
    expect(counts).toEqual({ 'out/one': 50, 'out/two': 50, 'out/all': 50, 'out/both': 50 })
  })

  test('$SYS topics are heard where a rule names them, and not through #', async () => {
    const rules = `
rules:
  - { id: sys, topic: "$SYS/broker/version", retained: process, then: [{ publish: { topic: out/sys, payload: "{{ payload }}" } }] }
  - { id: rest, topic: "#", when: topic == "x", then: [{ publish: { topic: out/rest, payload: "{{ topic }}" } }] }
`
    const { device } = await start(rules, protocol, { lines: ['sys_interval 1'] })
    await device.subscribe('out/#')
    await device.publish('x', 'hello')
    expect((await device.message('out/rest')).payload).toBe('x')
    expect(device.heard.items.filter(({ topic }) => topic === 'out/rest')).toHaveLength(1)
  })

  test('an edit under traffic takes effect and loses nothing; a broken one changes nothing', async () => {
    const { device, running, directory } = await start(router, protocol)
    await device.subscribe('sensors/+/alert')
    await device.subscribe('out/#')
    let sent = 0
    let sending = true
    const traffic = (async () => {
      while (sending) await device.publish('sensors/g1/temperature', String(100 + ++sent))
    })()
    writeFileSync(path.join(directory, 'rules.yaml'), 'rules: [{ id: high-temperature, topic: ')
    await running.line('the edited rules were not taken: the old ones keep running')
    const second = `${router}
  - { id: second, topic: sensors/+device/temperature, then: [{ publish: { topic: "out/{{ payload }}" } }] }
`
    writeFileSync(path.join(directory, 'rules.yaml'), second)
    await running.line('loaded again')
    await device.heard.first('the new rule', ({ topic }) => topic.startsWith('out/'))
    sending = false
    await traffic
    const last = String(100 + sent)
    await device.heard.first(
      'the last alert',
      ({ topic, payload }) => topic.endsWith('alert') && JSON.parse(payload).value === 100 + sent,
    )
    const values = device.heard.items
      .filter(({ topic }) => topic.endsWith('alert'))
      .map(({ payload }) => JSON.parse(payload).value)
    expect(values).toEqual(Array.from({ length: sent }, (_, index) => 101 + index))
    await device.heard.first('the last of the new rule', ({ topic }) => topic === `out/${last}`)
  })

  test('rules are loaded again on SIGHUP, and whenever an editor puts a new file in the place of the old one', async () => {
    const { running, device, directory } = await start(router, protocol)
    await device.subscribe('sensors/+/alert')
    running.signal('SIGHUP')
    const isLoaded = ({ msg }: { msg: string }) => msg === 'loaded again'
    await running.lines.first('the rules to be loaded', isLoaded)
    for (const limit of [30, 25, 20]) {
      const known = running.lines.items.length
      writeFileSync(path.join(directory, 'rules.yaml~'), router.replace('35', String(limit)))
      renameSync(path.join(directory, 'rules.yaml~'), path.join(directory, 'rules.yaml'))
      await running.lines.until('the rules to be loaded', (lines) => lines.slice(known).some(isLoaded))
      await device.publish(`sensors/s${limit}/temperature`, String(limit + 1))
      await device.message(`sensors/s${limit}/alert`)
    }
  })

  test('a broker that is restarted is found again, and what was queued meanwhile is heard', async () => {
    const { device, running, mosquitto } = await start(router, protocol)
    await running.line('subscribed')
    await mosquitto.restart()
    const back = await connectClient(mosquitto.url, { username: 'device', password: users.device })
    cleanup.push(() => back.end())
    await back.subscribe('sensors/+/alert')
    await back.publish('sensors/g9/temperature', '50')
    expect(JSON.parse((await back.message('sensors/g9/alert', 15_000)).payload).value).toBe(50)
    await device.end()
  })
})
