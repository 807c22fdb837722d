/** Rules answer requests over a real Mosquitto: many at once, badly made ones, and each once. */

import mqtt, { type IClientPublishOptions } from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Crowd } from '../../bench/support/crowd.ts'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, type Running, startTocsin } from '../support/tocsin.ts'
import { Inbox } from '../support/wait-for.ts'

let mosquitto: Mosquitto
let running: Running
let directory: ReturnType<typeof makeDirectory>

beforeAll(async () => {
  mosquitto = await startMosquitto({ lines: ['max_inflight_messages 100', 'max_queued_messages 0'] })
  directory = makeDirectory({
    'rules.yaml': `
brokers: { default: { url: "${mosquitto.url}", client_id: tocsin-answers } }
rules:
  - { id: echo, topic: request, respond: { status: success, result: "{{ payload.data }}" } }
  - id: reading
    topic: request/+device
    with: { last: { topic: sensors/+device/data } }
    respond: { status: success, temperature: "{{ with.last.payload.temperature }}" }
`,
  })
  running = startTocsin(['run', directory.path], { cwd: directory.path })
  await running.line('subscribed', 15_000)
})

afterAll(async () => {
  await running.kill()
  await mosquitto.close()
  directory.remove()
})

interface Heard {
  readonly topic: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field.
  readonly answer: any
  readonly correlation: string | null
}

async function connect(protocolVersion: 4 | 5) {
  const client = await mqtt.connectAsync(mosquitto.url, { protocolVersion, reconnectPeriod: 0 })
  const heard = new Inbox<Heard>()
  client.on('message', (topic, payload, { properties }) => {
    const correlation = properties?.correlationData?.toString() ?? null
    heard.put({ topic, answer: JSON.parse(payload.toString()), correlation })
  })
  await client.subscribeAsync(['response/#', 'elsewhere'], { qos: 1 })
  const ask = (topic: string, payload: string | Buffer, options: IClientPublishOptions = {}) =>
    client.publishAsync(topic, payload, { qos: 1, ...options })
  const on = async (topic: string) => {
    const found = await heard.first(`an answer on ${topic}`, (one) => one.topic === topic)
    heard.clear()
    return found
  }
  return { client, heard, ask, on }
}

test('a thousand requests of fifty clients are each answered once, with their own data', async () => {
  const crowd = await Crowd.connect(mosquitto.url, 50)
  const ways = await crowd.ask(1_000, 1_000, 20_000)
  expect(ways).toHaveLength(1_000)
  // An answer that came twice would be heard before the answers to these.
  expect(await crowd.ask(50, 50, 10_000)).toHaveLength(50)
  await crowd.end()
})

test('requests of MQTT 3.1.1 are answered by their id', async () => {
  const { client, heard, ask, on } = await connect(4)
  const ids = Array.from({ length: 100 }, (_, index) => `old-${index}`)
  await Promise.all(ids.map((id, index) => ask('request', JSON.stringify({ request_id: id, data: index }))))
  const answers = await heard.count(ids.length)
  const expected = ids.map((id, index) => [`response/${id}`, index])
  const got = answers.map(({ topic, answer }) => [topic, answer.result])
  expect(new Map(got as [string, number][])).toEqual(new Map(expected as [string, number][]))
  heard.clear()

  await ask('request/g1', '{"transaction": "t1"}')
  expect((await on('response/t1')).answer).toEqual({
    status: 'error',
    error: { code: 'not-found', message: 'Nothing is known of it (last).' },
    transaction: 't1',
  })
  await ask('sensors/g1/data', '{"temperature": 21.5}')
  await ask('request/g1', '{"transaction": "t2"}')
  expect((await on('response/t2')).answer).toEqual({
    status: 'success',
    temperature: 21.5,
    transaction: 't2',
  })
  await client.endAsync(true)
})

test('what is wrong with a request is told where it can be, and loses nothing', async () => {
  const { client, heard, ask, on } = await connect(5)
  const wanted = { properties: { responseTopic: 'response/me', correlationData: Buffer.from('c') } }
  const refused = async (payload: string | Buffer, options: IClientPublishOptions = wanted) => {
    await ask('request', payload, options)
    const { answer, correlation } = await on('response/me')
    expect(correlation).toBe('c')
    return answer.error.code
  }
  expect(await refused('not json')).toBe('bad-request')
  expect(await refused(Buffer.from([0xff, 0xfe, 0x00]))).toBe('bad-request')
  expect(await refused('')).toBe('bad-request')
  expect(await refused('{"request_id": 7, "data": 1}')).toBe('bad-request')
  expect(await refused('{"request_id": "a/#", "data": 1}')).toBe('bad-request')
  expect(await refused('{"request_id": {"a": 1}, "data": 1}')).toBe('bad-request')
  expect(await refused(JSON.stringify({ request_id: 'x'.repeat(129), data: 1 }))).toBe('bad-request')
  expect(await refused(JSON.stringify({ request_id: 'big', data: 'x'.repeat(1_000_000) }))).toBe('too-large')

  // Nobody can be told of these: no id, an id that makes no topic, an answer that may go nowhere.
  await ask('request', '{"data": 1}')
  await ask('request', '{"request_id": "+", "data": 1}')
  await ask('request', '{"data": 1}', { properties: { responseTopic: 'elsewhere' } })
  await ask('request', '{"data": 1}', { properties: { responseTopic: 'tocsin/request/status' } })
  // Mosquitto would disconnect who answers there, at each attempt.
  await ask('request', '{"data": 1}', { properties: { responseTopic: `response/${'/'.repeat(201)}` } })
  await ask('request', '{"request_id": "stored", "data": 1}', { retain: true })
  await on('response/stored')
  await ask('request', '{"request_id": "last", "data": 1}')
  await on('response/last')
  expect(heard.items).toEqual([])
  const told = await running.line(/neither a response topic nor/)
  expect(told).toMatchObject({ level: 'warn', kind: 'request-unanswerable', rule: 'echo' })
  await client.publishAsync('request', '', { retain: true })
  await client.endAsync(true)
})
