/** What comes in may be anything: it is told, kept aside, acknowledged, and the next message is heard. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { connectClient, type TestClient } from '../support/mqtt-client.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'

const rules = `
brokers: { default: { url: "\${env:URL}", client_id: tocsin-bad, protocol: "\${env:PROTOCOL}" } }
settings: { storage: memory }
rules:
  - { id: auto, topic: in/auto, when: payload.n > 0, then: [{ publish: { topic: out, payload: "auto {{ payload.n }}" } }] }
  - { id: json, topic: in/json, decode: json, when: payload.n > 0, then: [{ publish: { topic: out, payload: "json {{ payload.n }}" } }] }
  - { id: number, topic: in/number, decode: number, when: payload > 0, then: [{ publish: { topic: out, payload: "number {{ payload }}" } }] }
  - { id: blind, topic: in/blind, then: [{ publish: { topic: out, payload: "blind" } }] }
  - { id: target, topic: in/target, then: [{ publish: { topic: "dyn/{{ payload.to }}/end", payload: x } }] }
`

const nested = '['.repeat(100_000) + ']'.repeat(100_000)
const table: readonly [name: string, topic: string, payload: string | Buffer, reason: string][] = [
  ['1 MB of JSON', 'in/json', JSON.stringify({ n: 1, pad: 'x'.repeat(1_000_000) }), 'too-large'],
  ['1.3 MB', 'in/blind', Buffer.alloc(1_300_000, 65), 'too-large'],
  ['3 MB', 'in/auto', Buffer.alloc(3_000_000, 65), 'too-large'],
  ['100,000 levels', 'in/json', nested, 'too-deep'],
  ['invalid UTF-8', 'in/json', Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), 'encoding'],
  ['NaN as JSON', 'in/json', '{"n": NaN}', 'syntax'],
  ['NaN as a number', 'in/number', 'NaN', 'not-finite'],
  ['__proto__', 'in/auto', '{"__proto__": {"n": 5}}', 'unsafe-key'],
  ['cut off', 'in/json', '{"n": 1', 'syntax'],
]

describe.each(['3.1.1', '5'])('over MQTT %s', (protocol) => {
  let mosquitto: Mosquitto
  let running: Running
  let device: TestClient
  let directory: { path: string; remove(): void }

  beforeAll(async () => {
    mosquitto = await startMosquitto({ lines: ['message_size_limit 0'] })
    directory = makeDirectory({ 'rules.yaml': rules })
    running = startTocsin(['run', directory.path], {
      env: { URL: mosquitto.url, PROTOCOL: protocol },
      cwd: directory.path,
    })
    await running.line('subscribed')
    device = await connectClient(mosquitto.url)
    await device.subscribe('out')
    await device.subscribe('dyn/#')
  })
  afterAll(async () => {
    await device?.end()
    await running?.kill()
    await mosquitto?.close()
    directory?.remove()
  })

  test.each(table)('%s is a dead letter, and the line goes on', async (_name, topic, payload, reason) => {
    const before = running.lines.items.length
    await device.publish(topic, payload)
    await device.publish('in/blind', 'after')
    await running.lines.until('the dead letter', (lines) =>
      lines.slice(before).some((line) => line.topic === topic && line.reason === reason),
    )
    const heard = device.heard.items.length
    await device.publish('in/json', '{"n": 7}')
    await device.heard.until('the next message', (items) =>
      items.slice(heard).some(({ payload }) => payload === 'json 7'),
    )
  })

  test('an empty payload is missing, not an error: no verdict, no dead letter', async () => {
    const before = running.lines.items.length
    await device.publish('in/auto', '')
    await device.publish('in/number', '')
    await device.publish('in/auto', '{"n": 3}')
    await device.heard.first('the next message', ({ payload }) => payload === 'auto 3')
    expect(running.lines.items.slice(before).filter(({ level }) => level !== 'info')).toEqual([])
  })

  test('a value cannot add levels or wildcards to a topic, and a missing one cancels the message', async () => {
    await device.publish('in/target', JSON.stringify({ to: 'a/#' }))
    const message = await device.heard.first('the message', ({ topic }) => topic.startsWith('dyn/'))
    expect(message.topic).toBe('dyn/a%2F%23/end')
    const before = running.lines.items.length
    await device.publish('in/target', '{}')
    await running.lines.until('the notice', (lines) =>
      lines.slice(before).some(({ kind }) => kind === 'action-cancelled'),
    )
  })
})
