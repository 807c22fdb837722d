/** The requester against a real Mosquitto, with a Tocsin played by hand. */
import mqtt from 'mqtt'
import { afterEach, describe, expect, test } from 'vitest'
import { readAnswer } from '../../../src/tools/request/read-answer.ts'
import { connectRequester, type TocsinRequester } from '../../../src/tools/request/request.ts'
import { type MosquittoOptions, startMosquitto } from '../../support/mosquitto.ts'
import { realClock } from '../../support/real-clock.ts'
import { Inbox } from '../../support/wait-for.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

interface Request {
  readonly verb: string
  readonly input: { readonly request_id: string; readonly [field: string]: unknown }
  readonly responseTopic: string | null
  readonly correlation: string | null
  answer(answer: object): Promise<unknown>
}

async function stage(protocol: '3.1.1' | '5' | 'auto', options: MosquittoOptions = {}) {
  const mosquitto = await startMosquitto(options)
  cleanup.push(() => mosquitto.close())
  const connected = await connectRequester(
    { url: mosquitto.url, protocol, username: 'asker', password: 'asker-password' },
    { clock: realClock },
  )
  if (!connected.ok) throw new Error(connected.failure.message)
  const requester: TocsinRequester = connected.requester
  cleanup.push(() => requester.close())
  return { mosquitto, requester }
}

/** Hears requests; the test answers them as it likes. */
async function playTocsin(url: string): Promise<Inbox<Request>> {
  const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 })
  cleanup.push(() => client.endAsync(true))
  const requests = new Inbox<Request>()
  client.on('message', (topic, payload, { properties }) => {
    const input = JSON.parse(payload.toString()) as Request['input']
    requests.put({
      verb: topic.split('/')[2] ?? '',
      input,
      responseTopic: properties?.responseTopic ?? null,
      correlation: properties?.correlationData?.toString() ?? null,
      answer: (answer) =>
        client.publishAsync(
          `response/${input.request_id}`,
          JSON.stringify({ request_id: input.request_id, error: null, data: null, ...answer }),
          { qos: 1 },
        ),
    })
  })
  await client.subscribeAsync('tocsin/request/+', { qos: 1 })
  return requests
}

describe.each(['3.1.1', '5', 'auto'] as const)('with MQTT %s', (protocol) => {
  test('many requests at once each get their own answer, in whatever order they come', async () => {
    const { mosquitto, requester } = await stage(protocol)
    const heard = await playTocsin(mosquitto.url)
    const asked = Array.from({ length: 50 }, (_, n) =>
      requester.ask('forget', { rule: `rule-${n}`, key: { device: 'g7' } }),
    )
    const requests = [...(await heard.count(50))].reverse()
    for (const { input, answer, verb, responseTopic } of requests) {
      expect(verb).toBe('forget')
      expect(responseTopic).toBe(protocol === '3.1.1' ? null : `response/${input.request_id}`)
      await answer({ status: 'success', data: { rule: input.rule } })
    }
    const answers = await Promise.all(asked)
    expect(answers).toEqual(answers.map((_, n) => ({ ok: true, value: { rule: `rule-${n}` } })))
    expect(new Set(requests.map(({ input }) => input.request_id)).size).toBe(50)
  })
})

describe('a request ends', () => {
  test('with the error of the answer', async () => {
    const { mosquitto, requester } = await stage('5')
    const heard = await playTocsin(mosquitto.url)
    const asked = requester.ask('status', {})
    const [request] = await heard.count(1)
    await request?.answer({ status: 'error', error: { code: 'busy', message: 'Later.' } })
    expect(await asked).toEqual({ ok: false, error: { code: 'busy', message: 'Later.' } })
  })

  test('when nobody answers in time, and a late answer does no harm', async () => {
    const { mosquitto, requester } = await stage('5')
    const heard = await playTocsin(mosquitto.url)
    const asked = requester.ask('status', {}, { timeoutMs: 50 })
    expect(await asked).toEqual({
      ok: false,
      error: { code: 'timeout', message: 'Nobody answered within 0.05 s.' },
    })
    await heard.items[0]?.answer({ status: 'success' })
  })

  test('at once when the broker knows that nobody listens', async () => {
    const { requester } = await stage('5')
    const asked = await requester.ask('status', {}, { timeoutMs: 60_000 })
    expect(asked).toMatchObject({ ok: false, error: { code: 'nobody-listens' } })
  })

  test('when it is cancelled, before or after it was sent', async () => {
    const { mosquitto, requester } = await stage('5')
    const heard = await playTocsin(mosquitto.url)
    const controller = new AbortController()
    const asked = requester.ask('status', {}, { signal: controller.signal })
    await heard.count(1)
    controller.abort()
    expect(await asked).toMatchObject({ ok: false, error: { code: 'cancelled' } })
    const late = requester.ask('status', {}, { signal: controller.signal })
    expect(await late).toMatchObject({ ok: false, error: { code: 'cancelled' } })
  })

  test('when the broker does not let it ask', async () => {
    const { requester } = await stage('5', {
      users: { asker: 'asker-password' },
      acl: ['user asker', 'topic read response/#'],
    })
    const asked = await requester.ask('status', {})
    expect(asked).toMatchObject({ ok: false, error: { code: 'refused' } })
  })
})

test('a broker that cannot be reached is told with a reason, and without the password', async () => {
  const connected = await connectRequester({ url: 'mqtt://u:topsecret@127.0.0.1:1' }, { clock: realClock })
  expect(connected).toMatchObject({ ok: false, failure: { reason: 'connection-refused' } })
  expect(JSON.stringify(connected)).not.toContain('topsecret')
})

test('a wrong password is told as such, by either version', async () => {
  const mosquitto = await startMosquitto({ users: { asker: 'right-password' } })
  cleanup.push(() => mosquitto.close())
  for (const protocol of ['3.1.1', '5', 'auto'] as const) {
    const options = { url: mosquitto.url, protocol, username: 'asker', password: 'wrong-password' }
    const connected = await connectRequester(options, { clock: realClock })
    expect(connected.ok ? 'connected' : connected.failure.reason).toMatch(/not-authorised|bad-credentials/)
    expect(JSON.stringify(connected)).not.toContain('wrong-password')
  }
})

test('what is not an answer is told apart', () => {
  const answers = [
    undefined,
    null,
    [],
    { status: 'fine' },
    { status: 'error', error: 'so it is' },
    { status: 'error', error: { code: 1 } },
  ]
  for (const answer of answers)
    expect(readAnswer(answer)).toMatchObject({ ok: false, error: { code: 'malformed' } })
  expect(readAnswer({ status: 'success', data: 1 })).toEqual({ ok: true, value: 1 })
})
