/** Asking anything over MQTT: a real Mosquitto, and responders of both kinds played by small clients. */
import mqtt, { type IPublishPacket } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { requestBody } from '../../../src/tools/request/request-body.ts'
import { connectTo, type Requester, type RequesterOptions } from '../../../src/tools/request/requester.ts'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts'
import { realClock } from '../../support/real-clock.ts'
import { startScriptedBroker } from '../../support/scripted-broker.ts'
import { Inbox, waitFor } from '../../support/wait-for.ts'

let mosquitto: Mosquitto
beforeAll(async () => {
  mosquitto = await startMosquitto()
})
afterAll(() => mosquitto.close())

const cleanup: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function connected(options: Partial<RequesterOptions> = {}): Promise<Requester> {
  const made = await connectTo({ url: mosquitto.url, ...options }, realClock)
  if (!made.ok) throw new Error(made.failure.message)
  cleanup.push(() => made.requester.close())
  return made.requester
}

type Publish = (topic: string, payload: string, options?: mqtt.IClientPublishOptions) => Promise<unknown>
type Respond = (request: IPublishPacket, text: string, publish: Publish) => unknown

/** Hears requests on `ask/#` and does with each what the test says. */
async function responder(respond: Respond, protocolVersion: 4 | 5 = 5): Promise<Inbox<string>> {
  const client = await mqtt.connectAsync(mosquitto.url, { protocolVersion, reconnectPeriod: 0 })
  cleanup.push(() => client.endAsync(true))
  const heard = new Inbox<string>()
  client.on('message', (_topic, payload, packet) => {
    heard.put(payload.toString())
    respond(packet, payload.toString(), async (to, text, options) => {
      // A test may be over before its last answer is acknowledged.
      await client.publishAsync(to, text, { qos: 1, ...options }).catch(() => {})
    })
  })
  await client.subscribeAsync('ask/#', { qos: 1 })
  return heard
}

const idOf = (text: string): string => JSON.parse(text).request_id
const topicOf = (text: string) => `response/${idOf(text)}`

/** As MQTT 5 has it: knows the response topic and the correlation data alone. */
const byProperties =
  (answer: (text: string) => string): Respond =>
  ({ properties }, text, publish) =>
    publish(properties?.responseTopic ?? 'nowhere', answer(text), {
      properties: { correlationData: properties?.correlationData ?? Buffer.alloc(0) },
    })
/** As on MQTT 3.1.1: knows the id in the JSON alone, and does not give it back. */
const byId =
  (answer: (text: string) => string): Respond =>
  (_, text, publish) =>
    publish(topicOf(text), answer(text))

const doubled = (text: string) => JSON.stringify({ status: 'success', doubled: JSON.parse(text).n * 2 })

describe.each([
  ['5', '5', byProperties(doubled)],
  ['5', 'JSON', byId(doubled)],
  ['3.1.1', 'JSON', byId(doubled)],
] as const)('over MQTT %s, of a responder that knows %s', (protocol, _kind, respond) => {
  test('a thousand requests in flight each get their own answer', async () => {
    const requester = await connected({ protocol })
    let held: (() => unknown)[] = []
    // All are answered once the last has come, the last one first.
    const heard = await responder((request, text, publish) => {
      held.push(() => respond(request, text, publish))
      if (held.length < 1_000) return
      for (const go of held.reverse()) go()
      held = []
    })
    const signal = new AbortController().signal
    const asked = Array.from({ length: 1_000 }, (_, n) =>
      requester.ask('ask/double', JSON.stringify({ n }), { timeoutMs: 30_000, signal }),
    )
    const answers = await Promise.all(asked)
    expect(answers.map((one) => (one.ok ? one.value.json : one.error))).toEqual(
      answers.map((_, n) => ({ status: 'success', doubled: n * 2 })),
    )
    expect(new Set(heard.items.map(idOf)).size).toBe(1_000)
    expect(requester.counts).toEqual({ asked: 1_000, answered: 1_000, tooMany: 0, ignored: 0 })
  })
})

describe.each(['3.1.1', '5'] as const)('over MQTT %s', (protocol) => {
  test('an answer that is for somebody else, or a second one, settles nothing', async () => {
    const requester = await connected({ protocol })
    await responder(async (_request, text, publish) => {
      const { request_id: id, n } = JSON.parse(text)
      await publish(`response/${id}`, '{"request_id":"another","wrong":1}')
      await publish('response/somebody', '{"wrong":2}')
      if (protocol === '5')
        await publish(`response/${id}`, '{"wrong":3}', { properties: { correlationData: Buffer.from('x') } })
      await publish(`response/${id}`, JSON.stringify({ request_id: id, n }))
      await publish(`response/${id}`, JSON.stringify({ request_id: id, n: 'again' }))
    })
    const asked = await Promise.all([requester.ask('ask/it', '{"n":1}'), requester.ask('ask/it', '{"n":2}')])
    expect(asked).toMatchObject([{ value: { json: { n: 1 } } }, { value: { json: { n: 2 } } }])
    expect(requester.counts).toMatchObject({ answered: 2 })
    expect(requester.counts.ignored).toBeGreaterThanOrEqual(protocol === '5' ? 4 : 2)
  })

  test('what is no JSON is an answer too, to its own request alone', async () => {
    const requester = await connected({ protocol })
    const heard = await responder((_request, text, publish) => {
      if (JSON.parse(text).n === 1) return publish(topicOf(text), '{"broken')
    })
    const slow = requester.ask('ask/it', '{"n":2}', { timeoutMs: 60_000 })
    await heard.count(1)
    const broken = await requester.ask('ask/it', '{"n":1}')
    expect(broken).toMatchObject({ ok: true, value: { json: undefined } })
    if (broken.ok) expect(Buffer.from(broken.value.payload).toString()).toBe('{"broken')
    expect(requester.counts).toMatchObject({ asked: 2, answered: 1 })
    await requester.close()
    expect(await slow).toMatchObject({ ok: false, error: { code: 'closed' } })
  })

  test('a request ends in time, or when it is cancelled, and leaves the topic of its answer', async () => {
    const requester = await connected({ protocol })
    const heard = await responder(() => {})
    const cancelled = new AbortController()
    const asked = requester.ask('ask/a', '{}', { signal: cancelled.signal, timeoutMs: 60_000 })
    const late = requester.ask('ask/b', '{}', { timeoutMs: 30 })
    await heard.count(2)
    cancelled.abort()
    expect(await asked).toMatchObject({ ok: false, error: { code: 'cancelled' } })
    expect(await late).toEqual({
      ok: false,
      error: { code: 'timeout', message: 'Nobody answered within 0.03 s.' },
    })
    expect(await requester.ask('ask/a', '{}', { signal: cancelled.signal })).toMatchObject({
      error: { code: 'cancelled' },
    })
    // The broker knows that nobody has subscribed to it.
    const other = await connected()
    const left = async (text: string) => {
      const answered = await other.ask(topicOf(text), '{}', { timeoutMs: 100 })
      return !answered.ok && answered.error.code === 'nobody-listens'
    }
    for (const text of heard.items) await waitFor('the topic to be left', () => left(text))
  })
})

test('a request goes out as it was written, with its id', async () => {
  const requester = await connected()
  const heard = await responder(byProperties(() => 'fine'))
  await requester.ask('ask/it', ' { "big": 12345678901234567890, "a": 1.0 } ')
  await requester.ask('ask/it', '{ }')
  const answered = await requester.ask('ask/it', '22')
  expect(answered.ok && Buffer.from(answered.value.payload).toString()).toBe('fine')
  const [first = '', second = '', third] = heard.items
  expect(first).toBe(`{"request_id":"${idOf(first)}","big": 12345678901234567890, "a": 1.0 }`)
  expect(second).toBe(`{"request_id":"${idOf(second)}"}`)
  expect(third).toBe('22')
})

test('what cannot be asked is told at once', async () => {
  const requester = await connected({ protocol: '3.1.1', inFlightLimit: 2 })
  const code = async (topic: string, json: string, timeoutMs = 60_000) => {
    const answered = await requester.ask(topic, json, { timeoutMs })
    return answered.ok ? 'ok' : answered.error.code
  }
  expect(await code('ask/+', '{}')).toBe('bad-request')
  expect(await code('', '{}')).toBe('bad-request')
  expect(await code('ask/it', '{')).toBe('bad-request')
  expect(await code('ask/it', '{"request_id":"mine"}')).toBe('bad-request')
  expect(await code('ask/it', '{}', 0)).toBe('bad-request')
  expect(await code('ask/it', '{}', Number.NaN)).toBe('bad-request')
  expect(await code('ask/it', '22')).toBe('needs-mqtt-5')
  expect(await code('ask/it', JSON.stringify({ text: 'x'.repeat(1_048_576) }))).toBe('too-large')
  const under = [code('ask/it', '{}'), code('ask/it', '{}')]
  expect(await code('ask/it', '{}')).toBe('too-many')
  expect(requester.counts).toMatchObject({ tooMany: 1, answered: 0 })
  await requester.close()
  expect(await Promise.all(under)).toEqual(['closed', 'closed'])
  expect(await code('ask/it', '{}')).toBe('closed')
})

test('a broker that takes only small packets is not sent a larger one', async () => {
  // CONNACK with a maximum packet size of 1,000 bytes; SUBACK to the first packet id.
  const small = await startScriptedBroker(() => Buffer.from([0x20, 8, 0, 0, 5, 0x27, 0, 0, 3, 0xe8]))
  cleanup.push(() => small.close())
  const requester = await connected({ url: small.url })
  const asked = requester.ask('ask/it', JSON.stringify({ text: 'x'.repeat(600) }))
  const [client] = await small.clients.count(1)
  const [, subscribe] = await client!.received.count(2)
  client!.send(Buffer.from([0x90, 4, subscribe![2]!, subscribe![3]!, 0, 1]))
  expect(await asked).toMatchObject({ ok: false, error: { code: 'too-large' } })
  client!.end()
})

test('nobody listens: the broker knows it on MQTT 5', async () => {
  const requester = await connected()
  const asked = await requester.ask('ask/nobody', '{}', { timeoutMs: 60_000 })
  expect(asked).toEqual({
    ok: false,
    error: { code: 'nobody-listens', message: 'Nobody listens to ask/nobody on this broker.' },
  })
})

test('a broker that refuses is told with what to allow', async () => {
  const strict = await startMosquitto({
    users: { asker: 'pw' },
    acl: ['user asker', 'topic read response/#'],
  })
  cleanup.push(() => strict.close())
  const requester = await connected({ url: strict.url, username: 'asker', password: 'pw' })
  const asked = await requester.ask('ask/it', '{}')
  expect(asked).toMatchObject({ ok: false, error: { code: 'refused' } })
  if (!asked.ok) expect(asked.error.message).toContain('Allow it to publish to ask/it and to hear response/#')
  // Not let in to the answers: SUBACK with 0x87.
  const deaf = await startScriptedBroker(() => Buffer.from([0x20, 3, 0, 0, 0]))
  cleanup.push(() => deaf.close())
  const second = await connected({ url: deaf.url })
  const refused = second.ask('ask/it', '{}')
  const [client] = await deaf.clients.count(1)
  const [, subscribe] = await client!.received.count(2)
  client!.send(Buffer.from([0x90, 4, subscribe![2]!, subscribe![3]!, 0, 0x87]))
  expect(await refused).toMatchObject({ ok: false, error: { code: 'refused' } })
  client!.end()
})

test('the client id is the one given, or one that a 3.1.1 broker must take', async () => {
  await connected({ clientId: 'the-one' })
  await waitFor('the client id in the log', () => mosquitto.log.includes('as the-one '))
  await connected()
  await waitFor('a random id in the log', () => /as tocsin-ask-[0-9a-f]{12} /.test(mosquitto.log))
})

describe('when the link is lost', () => {
  const reconnect = { minMs: 20, maxMs: 50, jitter: 0 }

  test('what was sent ends and is not sent again; what was not waits for the next link', async () => {
    const fragile = await startMosquitto()
    cleanup.push(() => fragile.close())
    const requester = await connected({ url: fragile.url, reconnect })
    const listen = async () => {
      const client = await mqtt.connectAsync(fragile.url, { protocolVersion: 5, reconnectPeriod: 0 })
      cleanup.push(() => client.endAsync(true))
      const heard = new Inbox<string>()
      client.on('message', (_topic, payload, packet) => {
        heard.put(payload.toString())
        if (payload.includes('"now"'))
          byProperties(doubled)(packet, payload.toString(), (to, text) => client.publishAsync(to, text))
      })
      await client.subscribeAsync('ask/#', { qos: 1 })
      return heard
    }
    const before = await listen()
    const sent = requester.ask('ask/it', '{"when":"before"}', { timeoutMs: 60_000 })
    await before.count(1)
    await fragile.kill()
    expect(await sent).toMatchObject({ ok: false, error: { code: 'link-lost' } })
    expect(requester.connected).toBe(false)
    const impatient = await requester.ask('ask/it', '{"when":"impatient"}', { timeoutMs: 30 })
    expect(impatient).toMatchObject({ ok: false, error: { code: 'link-lost' } })
    if (!impatient.ok) expect(impatient.error.message).toMatch(/^There was no link .* within 0.03 s\. ./)
    await fragile.restart()
    const after = await listen()
    const patient = await requester.ask('ask/it', '{"when":"now","n":4}', { timeoutMs: 20_000 })
    expect(patient).toMatchObject({ ok: true, value: { json: { doubled: 8 } } })
    expect(requester.connected).toBe(true)
    expect(after.items.map((text) => JSON.parse(text).when)).toEqual(['now'])
  })

  test('closing ends the attempts to come back, and what waits for them', async () => {
    const fragile = await startMosquitto()
    cleanup.push(() => fragile.close())
    const requester = await connected({ url: fragile.url, reconnect })
    await fragile.kill()
    await waitFor('the loss of the link', () => !requester.connected)
    const asked = requester.ask('ask/it', '{}', { timeoutMs: 60_000 })
    await requester.close()
    expect(await asked).toMatchObject({ ok: false, error: { code: 'closed' } })
  })
})

test('closing does not wait for a broker that says nothing any more', async () => {
  const silent = await startScriptedBroker(() => Buffer.from([0x20, 2, 0, 0]))
  cleanup.push(() => silent.close())
  const made = await connectTo({ url: silent.url, protocol: '3.1.1' }, realClock)
  if (!made.ok) throw new Error(made.failure.message)
  const asked = made.requester.ask('ask/it', '{}', { timeoutMs: 20 })
  expect(await asked).toMatchObject({ ok: false, error: { code: 'timeout' } })
  await made.requester.close()
})

test('an attempt to connect can be broken off', async () => {
  const silent = await startScriptedBroker(() => null)
  cleanup.push(() => silent.close())
  const controller = new AbortController()
  const made = connectTo({ url: silent.url }, realClock, controller.signal)
  await silent.clients.count(1)
  controller.abort()
  expect((await made).ok).toBe(false)
  expect((await connectTo({ url: silent.url }, realClock, controller.signal)).ok).toBe(false)
})

test.each([
  ['{"a":1}', '{"request_id":"x","a":1}'],
  ['{\n}', '{"request_id":"x"}'],
  ['[1]', '[1]'],
  ['"text"', '"text"'],
])('the id is put into %s', (json, text) => {
  expect(requestBody(json, 'x')).toMatchObject({ ok: true, text })
})
