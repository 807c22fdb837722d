/** The client that programs import, as they import it, against a real Mosquitto. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import mqtt from 'mqtt'
import { type Client, connect, RequestError, request } from 'tocsin/client'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { waitFor, within } from '../support/wait-for.ts'

let mosquitto: Mosquitto
let responder: mqtt.MqttClient
/** Of what came to `ask/nothing`. */
let unanswered = 0
/** `ask/say` is answered with the text in the request, `ask/twice` with the number doubled, `ask/nothing` never. */
beforeAll(async () => {
  mosquitto = await startMosquitto()
  responder = await mqtt.connectAsync(mosquitto.url, { protocolVersion: 5, reconnectPeriod: 0 })
  responder.on('message', (topic, payload, { properties }) => {
    const asked = JSON.parse(payload.toString())
    const to = properties?.responseTopic ?? `response/${asked.request_id}`
    const answer = (text: string) => responder.publish(to, text, { qos: 1 })
    if (topic === 'ask/say') answer(asked.text)
    if (topic === 'ask/twice') answer(JSON.stringify({ status: 'success', twice: (asked.n ?? asked) * 2 }))
    if (topic === 'ask/nothing') unanswered++
    if (topic === 'request/reading/g1') answer('{"status":"success","temperature":21.5}')
    if (topic === 'request/reading/g2') answer('{"status":"success","temperature":22}')
  })
  await responder.subscribeAsync(['ask/#', 'request/#'], { qos: 1 })
})
afterAll(async () => {
  await responder.endAsync(true)
  await mosquitto.close()
})

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function connected(options: Partial<Parameters<typeof connect>[0] & object> = {}): Promise<Client> {
  const client = await connect({ url: mosquitto.url, ...options })
  cleanup.push(() => client.close())
  return client
}

async function errorOf(promise: Promise<unknown>): Promise<RequestError> {
  const error = await within(
    10_000,
    'an error',
    promise.then(
      () => null,
      (reason: unknown) => reason,
    ),
  )
  if (!(error instanceof RequestError)) throw new Error(`not a RequestError: ${error}`)
  return error
}

interface Twice {
  readonly status: 'success'
  readonly twice: number
}

test('one request', async () => {
  const answer = await request<Twice>(mosquitto.url, 'ask/twice', { n: 21 })
  expect(answer.twice).toBe(42)
})

describe.each(['5', '3.1.1'] as const)('a client over MQTT %s', (protocol) => {
  test('has many requests in flight', async () => {
    const client = await connected({ protocol })
    const asked = Array.from({ length: 100 }, (_, n) => client.request<Twice>('ask/twice', { n }))
    expect((await Promise.all(asked)).map(({ twice }) => twice)).toEqual(asked.map((_, n) => n * 2))
    expect(client.counts).toEqual({ asked: 100, answered: 100, tooMany: 0, ignored: 0 })
    expect({ url: client.url, connected: client.connected }).toEqual({ url: mosquitto.url, connected: true })
  })
})

describe('a request is refused', () => {
  test('by the answer, which is at hand', async () => {
    const client = await connected()
    const say = (text: string) => errorOf(client.request('ask/say', { text }))
    const answer = { status: 'error', error: { code: 'no-data', message: 'Nothing was heard of g9.' } }
    const error = await say(JSON.stringify(answer))
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({ code: 'error-answer', message: 'Nothing was heard of g9.', answer })
    expect(await say('{"status":"error"}')).toMatchObject({ message: 'The answer is an error.' })
    expect(await say('no json')).toMatchObject({ code: 'malformed', answer: 'no json' })
  })

  test('for what it is', async () => {
    const client = await connected({ protocol: '3.1.1' })
    const circular: Record<string, unknown> = {}
    circular.self = circular
    for (const data of [circular, 1n, () => 1])
      expect(await errorOf(client.request('ask/twice', data))).toMatchObject({ code: 'bad-request' })
    expect(await errorOf(client.request('ask/+'))).toMatchObject({ code: 'bad-request' })
    expect(await errorOf(client.request('ask/twice', 2))).toMatchObject({ code: 'needs-mqtt-5' })
    expect(await (await connected({ protocol: '5' })).request('ask/twice', 2)).toMatchObject({ twice: 4 })
  })

  test('when nobody answers, or nobody waits any more', async () => {
    const client = await connected({ inFlightLimit: 1 })
    expect(await errorOf(client.request('nowhere'))).toMatchObject({ code: 'nobody-listens' })
    const before = unanswered
    const controller = new AbortController()
    const cancelled = client.request('ask/nothing', {}, { signal: controller.signal, timeoutMs: 60_000 })
    expect(await errorOf(client.request('ask/nothing'))).toMatchObject({ code: 'too-many' })
    await waitFor('the request', () => unanswered > before)
    controller.abort()
    expect(await errorOf(cancelled)).toMatchObject({ code: 'cancelled' })
    expect(await errorOf(client.request('ask/nothing', {}, { timeoutMs: 30 }))).toMatchObject({
      code: 'timeout',
    })
    const open = errorOf(client.request('ask/nothing'))
    await client.close()
    expect(await open).toMatchObject({ code: 'closed' })
  })
})

describe('no connection', () => {
  test('is told with what to do', async () => {
    expect(await errorOf(connect('mqtt://u:secret@127.0.0.1:1'))).toMatchObject({
      code: 'connect-failed',
      message: 'Nothing listens at mqtt://127.0.0.1:1.',
      help: expect.stringContaining('Check that the broker runs'),
    })
    expect(await errorOf(request('mqtt://127.0.0.1:1', 'ask/twice'))).toMatchObject({
      code: 'connect-failed',
    })
  })

  test('for options that make no sense', async () => {
    expect(await errorOf(connect('localhost'))).toMatchObject({ code: 'bad-request' })
    for (const inFlightLimit of [0, 1.5, 10_001])
      expect(await errorOf(connect({ url: mosquitto.url, inFlightLimit }))).toMatchObject({
        code: 'bad-request',
      })
  })

  test('for what JavaScript lets pass', async () => {
    const protocol = JSON.parse('"7"')
    expect(await errorOf(connect({ url: mosquitto.url, protocol }))).toMatchObject({ code: 'bad-request' })
    const topic = JSON.parse('5')
    expect(await errorOf(request(mosquitto.url, topic))).toMatchObject({ code: 'bad-request' })
  })

  test('when it was cancelled', async () => {
    const signal = AbortSignal.abort()
    expect(await errorOf(connect({ url: mosquitto.url, signal }))).toMatchObject({ code: 'cancelled' })
    expect(await errorOf(request(mosquitto.url, 'ask/twice', {}, { signal }))).toMatchObject({
      code: 'cancelled',
    })
  })
})

describe('docs/requests.md', () => {
  const root = path.resolve(import.meta.dirname, '../..')
  const page = readFileSync(path.join(root, 'docs/requests.md'), 'utf8')

  test('has an example that runs in the checkout', async () => {
    const example = /```ts\n([\s\S]*?)```/.exec(page)?.[1] ?? ''
    expect(example).toContain("'mqtt://127.0.0.1:1883'")
    const program = example.replace('mqtt://127.0.0.1:1883', mosquitto.url)
    const args = ['--input-type=module-typescript', '--eval', program]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root })
    expect(stdout).toBe('21.5 22\n')
  })

  test('has every code of an error', () => {
    const sources = ['src/client/request-error.ts', 'src/tools/request/answered.ts']
    const codes = sources.flatMap((file) =>
      [...readFileSync(path.join(root, file), 'utf8').matchAll(/^ {2}\| '([a-z0-9-]+)'/gm)].map(
        ([, code]) => code,
      ),
    )
    const told = [...page.matchAll(/\| `([a-z0-9-]+)` \|$/gm)].map(([, code]) => code)
    expect(codes).toContain('timeout')
    expect(told.sort()).toEqual(codes.sort())
  })
})
