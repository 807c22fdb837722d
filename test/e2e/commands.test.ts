/** Commands to devices over a real Mosquitto: acknowledged, given up, and over the death of Tocsin and of the broker. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CommandsPage } from '../../src/ports/control.ts'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient, type TestClient } from '../support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin, tocsin } from '../support/tocsin.ts'
import { Inbox, waitFor } from '../support/wait-for.ts'

/** A process takes its time to start on a busy machine. */
const startLimitMs = 20_000

const rules = (url: string) => `
brokers: { default: { url: "${url}", client_id: tocsin-commands } }
settings: { storage: data/tocsin.db }
rules:
  - id: lamp
    topic: control/+device/led
    then:
      - command:
          topic: devices/{{ device }}/command
          payload: { led: "{{ payload }}" }
          id: id
          ack: { topic: "devices/{{ device }}/ack" }
          within: 1m
          on_ack: [{ publish: { topic: "control/{{ device }}/done", payload: "{{ ack.payload.led }}" } }]
  - id: impatient
    topic: ask/+device
    then:
      - command:
          topic: devices/{{ device }}/command
          payload: { ask: "{{ payload }}" }
          id: id
          ack: { topic: "devices/{{ device }}/ack" }
          within: 300ms
          retries: 1
          on_timeout:
            - publish: { topic: "ask/{{ device }}/failed", payload: "{{ command.attempt }}" }
            - log: { file: failed.csv, columns: { device: "{{ device }}" } }
  - id: pump
    topic: pump/set
    then:
      - command:
          topic: pump/command
          payload: "{{ payload }}"
          id: correlation_data
          ack: { topic: pump/answer }
          on_ack: [{ publish: { topic: pump/done, payload: "{{ ack.payload }}" } }]
  - id: valve
    topic: valve/set
    then:
      - command:
          topic: valve/command
          payload: "{{ payload }}"
          ack: { topic: valve/state, when: payload == command.payload }
          on_ack: [{ publish: { topic: valve/done, payload: "{{ ack.payload }}" } }]
`

interface Got {
  readonly topic: string
  readonly payload: string
  readonly properties: mqtt.IPublishPacket['properties']
}

/** A client with a session of its own, that hears commands and answers when it is told to. */
async function connectDevice(url: string) {
  const client = await mqtt.connectAsync(url, {
    protocolVersion: 5,
    clientId: 'device',
    clean: false,
    properties: { sessionExpiryInterval: 600 },
    reconnectPeriod: 50,
  })
  const got = new Inbox<Got>()
  client.on('message', (topic, payload, { properties }) =>
    got.put({ topic, payload: payload.toString(), properties }),
  )
  await client.subscribeAsync(['devices/+/command', 'pump/command', 'valve/command', 'marker'], { qos: 1 })
  return {
    client,
    got,
    on: (topic: string) => got.first(`a command on ${topic}`, (one) => one.topic === topic),
  }
}

let mosquitto: Mosquitto
let directory: ReturnType<typeof makeDirectory>
let device: Awaited<ReturnType<typeof connectDevice>>
let person: TestClient
let running: Running

const run = async () => {
  running = startTocsin(['run', directory.path], { cwd: directory.path })
  await running.line('connected', startLimitMs)
  await running.line('subscribed', startLimitMs)
}

beforeAll(async () => {
  mosquitto = await startMosquitto({ persistence: true })
  directory = makeDirectory({ 'rules.yaml': rules(mosquitto.url) })
  device = await connectDevice(mosquitto.url)
  person = await connectClient(mosquitto.url)
  await person.subscribe('+/done')
  await person.subscribe('+/+/done')
  await person.subscribe('+/+/failed')
  await run()
}, 2 * startLimitMs)

afterAll(async () => {
  await running.stop()
  await person.end()
  await device.client.endAsync(true)
  await mosquitto.close()
  directory.remove()
})

const waiting = async () => {
  const { stdout } = await tocsin(['commands', directory.path, '--format', 'json'])
  return JSON.parse(stdout) as CommandsPage
}

test('a device acknowledges with the id in the payload, with correlation data, or by its state', async () => {
  const { client } = device
  await person.publish('control/lamp/led', 'on')
  const lamp = JSON.parse((await device.on('devices/lamp/command')).payload)
  expect(lamp).toEqual({ led: 'on', id: expect.any(String) })
  expect((await waiting()).items).toMatchObject([{ id: lamp.id, rule: 'lamp', attempt: 1, attempts: 1 }])
  await client.publishAsync('devices/lamp/ack', JSON.stringify(lamp), { qos: 1 })
  expect((await person.message('control/lamp/done')).payload).toBe('on')

  await person.publish('pump/set', 'go')
  const { properties } = await device.on('pump/command')
  expect(properties).toMatchObject({ responseTopic: 'pump/answer', messageExpiryInterval: 10 })
  const correlationData = properties?.correlationData ?? Buffer.alloc(0)
  await client.publishAsync('pump/answer', 'nothing', {
    qos: 1,
    properties: { correlationData: Buffer.from('x') },
  })
  await client.publishAsync('pump/answer', 'gone', { qos: 1, properties: { correlationData } })
  expect((await person.message('pump/done')).payload).toBe('gone')

  await person.publish('valve/set', 'open')
  await device.on('valve/command')
  await client.publishAsync('valve/state', 'shut', { qos: 1 })
  await client.publishAsync('valve/state', 'open', { qos: 1 })
  expect((await person.message('valve/done')).payload).toBe('open')

  const { items, finished } = await waiting()
  expect(items).toEqual([])
  expect(finished.map(({ rule, end }) => `${rule} ${end}`)).toEqual([
    'valve acknowledged',
    'pump acknowledged',
    'lamp acknowledged',
  ])
  const shown = await tocsin(['commands', directory.path])
  expect(shown.stdout).toMatch(/^No command waits\.\n\nENDED AT .*\n.* acknowledged after .* valve/)
  const status = JSON.parse((await tocsin(['status', directory.path, '--format', 'json'])).stdout)
  expect(status.counters.notice_ack_unknown).toBe(1)
}, 30_000)

test('a device that is silent is told twice, then given up', async () => {
  await person.publish('ask/deaf', '1')
  expect((await person.message('ask/deaf/failed')).payload).toBe('2')
  const sent = device.got.items.filter(({ topic }) => topic === 'devices/deaf/command')
  expect(sent.map(({ payload }) => JSON.parse(payload).ask)).toEqual([1, 1])
  expect(new Set(sent.map(({ payload }) => payload)).size).toBe(1)
}, 30_000)

test('while the broker is away the time runs out, and nothing is sent late', async () => {
  await person.publish('ask/far', '1')
  await device.on('devices/far/command')
  await mosquitto.stop()
  const before = device.got.items.length
  const file = path.join(directory.path, 'logs/failed.csv')
  await waitFor(
    'the command to be given up',
    () => existsSync(file) && readFileSync(file, 'utf8').includes('far'),
  )
  await mosquitto.restart()
  expect((await person.message('ask/far/failed')).payload).toBe('2')
  const marker = connectClient(mosquitto.url)
  await (await marker).publish('marker', 'x')
  await device.on('marker')
  expect(device.got.items.slice(before).map(({ topic }) => topic)).toEqual(['marker'])
  await (await marker).end()
}, 60_000)

test('a command outlives Tocsin: acknowledged meanwhile, it is done, and not sent again', async () => {
  await person.publish('control/cellar/led', 'on')
  const command = await device.on('devices/cellar/command')
  await running.kill()
  await device.client.publishAsync('devices/cellar/ack', command.payload, { qos: 1 })
  await run()
  expect((await person.message('control/cellar/done')).payload).toBe('on')
  await person.publish('control/attic/led', 'on')
  await device.on('devices/attic/command')
  expect(device.got.items.filter(({ topic }) => topic === 'devices/cellar/command')).toHaveLength(1)
  expect(person.heard.items.filter(({ topic }) => topic === 'control/cellar/done')).toHaveLength(1)
  expect((await waiting()).items).toMatchObject([{ topic: 'devices/attic/command' }])
}, 60_000)
