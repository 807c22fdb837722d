/** People and programs ask a running Tocsin over a real Mosquitto, as any MQTT client could, and by command. */
import mqtt from 'mqtt'
import type { Packet } from 'mqtt-packet'
import { afterEach, describe, expect, test } from 'vitest'
import { isPublish, startHandBroker } from '../support/hand-broker.ts'
import { startMosquitto } from '../support/mosquitto.ts'
import { makeDirectory, type Running, startTocsin, tocsin } from '../support/tocsin.ts'
import { Inbox, waitFor } from '../support/wait-for.ts'

const cleanup: (() => Promise<unknown> | undefined)[] = []
afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

/** A process takes its time to start on a busy machine. */
const startLimitMs = 15_000

const rules = `
rules:
  - id: silent-sensor
    description: nothing is heard from a sensor
    topic: cold/+device
    absent: { for: 400ms }
    alert: { severity: warning, summary: "{{ device }} is silent" }
  - id: readings
    topic: readings/+device
    decode: json
    when: payload.t > 3
    then: [{ publish: { topic: "out/{{ device }}" } }]
`

interface Answer {
  readonly status: string
  // biome-ignore lint/suspicious/noExplicitAny: answers are looked at field by field.
  readonly data: any
  readonly error: { readonly code: string; readonly message: string } | null
  readonly request_id: string | null
}

interface Heard {
  readonly topic: string
  readonly answer: Answer
  readonly correlation: string | null
}

/** Publishes requests and hears `response/#`, with nothing of Tocsin's own. */
async function plainClient(url: string, protocolVersion: 4 | 5) {
  const client = await mqtt.connectAsync(url, { protocolVersion, reconnectPeriod: 0 })
  cleanup.push(() => client.endAsync(true))
  const heard = new Inbox<Heard>()
  client.on('message', (topic, payload, packet) => {
    const correlation = packet.properties?.correlationData?.toString() ?? null
    heard.put({ topic, answer: JSON.parse(payload.toString()) as Answer, correlation })
  })
  await client.subscribeAsync(['response/#', 'elsewhere/#', 'tocsin/answers'], { qos: 1 })
  const ask = (verb: string, payload: string | Buffer, options: mqtt.IClientPublishOptions = {}) =>
    client.publishAsync(`tocsin/request/${verb}`, payload, { qos: 1, ...options })
  return {
    client,
    heard,
    ask,
    async answer(verb: string, input: object & { request_id: string }): Promise<Answer> {
      await ask(verb, JSON.stringify(input))
      const topic = `response/${input.request_id}`
      return (await heard.first(`an answer on ${topic}`, (one) => one.topic === topic)).answer
    },
  }
}

async function start(
  protocol: '3.1.1' | '5',
  settings = 'storage: memory',
  written = rules,
  before: (url: string) => Promise<void> = async () => {},
) {
  const mosquitto = await startMosquitto({ persistence: true })
  cleanup.push(() => mosquitto.close())
  await before(mosquitto.url)
  const directory = makeDirectory({
    'rules.yaml': written,
    'brokers.yaml': `
brokers: { default: { url: "${mosquitto.url}", client_id: tocsin-requests, protocol: "${protocol}" } }
settings: { ${settings} }
`,
  })
  cleanup.push(async () => directory.remove())
  const running: Running = startTocsin(['run', directory.path], { cwd: directory.path })
  cleanup.push(() => running.kill())
  await running.line('subscribed')
  return { mosquitto, directory: directory.path, running }
}

describe.each([
  ['3.1.1', 4],
  ['5', 5],
] as const)('on Mosquitto with MQTT %s', (protocol, version) => {
  test('each of many requests is answered once, with its own data', async () => {
    const { mosquitto } = await start(protocol)
    const { ask, heard } = await plainClient(mosquitto.url, version)
    const ids = Array.from({ length: 60 }, (_, index) => `q-${index}`)
    const verbs = ['status', 'rules', 'audit', 'forget'] as const
    await Promise.all(
      ids.map((request_id, index) => {
        const verb = verbs[index % verbs.length] ?? 'status'
        const input = verb === 'forget' ? { rule: `no-rule-${index}`, key: {} } : {}
        return ask(verb, JSON.stringify({ ...input, request_id }))
      }),
    )
    await heard.count(ids.length)
    // Nothing comes twice: the answer to one more request is the last thing heard.
    await ask('rules', JSON.stringify({ request_id: 'last' }))
    await heard.first('the last answer', ({ topic }) => topic === 'response/last')
    expect(heard.items.map(({ topic }) => topic).sort()).toEqual(
      [...ids, 'last'].map((id) => `response/${id}`).sort(),
    )
    for (const { topic, answer } of heard.items) {
      expect(topic).toBe(`response/${answer.request_id}`)
      const index = Number(answer.request_id?.slice(2))
      const verb = verbs[index % verbs.length]
      if (verb === 'forget') {
        expect(answer).toMatchObject({ status: 'error', data: null, error: { code: 'unknown-rule' } })
        expect(answer.error?.message).toContain(`"no-rule-${index}"`)
      } else expect(answer).toMatchObject({ status: 'success', error: null })
      if (verb === 'status') expect(answer.data.rules).toEqual({ running: 2, stopped: [] })
      if (verb === 'audit') expect(answer.data).toEqual({ items: [], next: null })
      if (verb === 'rules')
        expect(answer.data.items.map(({ id }: { id: string }) => id)).toEqual(['silent-sensor', 'readings'])
    }
  })

  test('bad requests are told what is wrong, and what cannot be answered is not', async () => {
    const { mosquitto, running } = await start(protocol)
    const { ask, heard, answer, client } = await plainClient(mosquitto.url, version)
    const silent: [verb: string, payload: string | Buffer][] = [
      ['status', ''],
      ['status', '{}'],
      ['status', '{"request_id": 7}'],
      ['status', '{"request_id": ""}'],
      ['status', '{"request_id": "a/b"}'],
      ['status', '{"request_id": "a+"}'],
      ['status', '{"request_id": "#"}'],
      ['status', '{"request_id": "a\\u0000"}'],
      ['status', '{"request_id": "a\\nb"}'],
      ['status', `{"request_id": "${'x'.repeat(129)}"}`],
      ['status', '["request_id"]'],
      ['status', 'not json'],
      ['status', Buffer.from([0xff, 0xfe])],
      ['status', '['.repeat(60_000)],
      ['status', `{"request_id": "big", "x": "${'x'.repeat(1_048_576)}"}`],
    ]
    for (const [verb, payload] of silent) await ask(verb, payload)
    await client.publishAsync('tocsin/request/status/more', '{"request_id": "deep"}', { qos: 1 })

    const wrong = async (verb: string, input: object) => {
      const request_id = `w-${heard.items.length}`
      const { status, data, error } = await answer(verb, { ...input, request_id })
      expect([status, data]).toEqual(['error', null])
      return `${error?.code}: ${error?.message}`
    }
    expect(await wrong('statsu', {})).toBe('unknown-verb: There is no request "statsu". Did you mean status?')
    expect(await wrong('status', { verbose: true })).toBe(
      'bad-request: The request status has no field `verbose`. It takes none.',
    )
    expect(await wrong('dead-letters', { limit: '20', topc: 'x' })).toBe(
      'bad-request: `limit` must be a whole number from 1 to 100. The request dead-letters has no field `topc`. Did you mean topic?',
    )
    expect(await wrong('forget', { key: { device: 'g7' } })).toBe('bad-request: `rule` is missing.')
    expect(await wrong('forget', { rule: 'silent-sensr', key: { device: 'g7' } })).toBe(
      'unknown-rule: No rule with the id "silent-sensr" is running. Did you mean silent-sensor?',
    )
    expect(await wrong('forget', { rule: 'silent-sensor', key: { devise: 'g7' } })).toBe(
      'bad-request: A key of silent-sensor has the part device; given: devise.',
    )
    const { data } = await answer('status', { request_id: 'x'.repeat(128) })
    expect(data.counters).toMatchObject({ requests_dropped: silent.length, requests_busy: 0 })
    expect(heard.items.filter(({ topic }) => !/^response\/(w-|x)/.test(topic))).toEqual([])
    expect(running.lines.items.filter(({ level }) => level === 'fatal')).toEqual([])
  })

  test('a stored request is not answered', async () => {
    const { mosquitto } = await start(protocol, 'storage: memory', rules, async (url) => {
      const device = await mqtt.connectAsync(url, { reconnectPeriod: 0 })
      const options = { qos: 1, retain: true } as const
      await device.publishAsync('tocsin/request/status', '{"request_id": "stored"}', options)
      await device.endAsync()
    })
    const { answer, heard } = await plainClient(mosquitto.url, version)
    const { data } = await answer('status', { request_id: 'live' })
    expect(data.counters).toMatchObject({ requests: 2, requests_dropped: 1 })
    expect(heard.items.map(({ topic }) => topic)).toEqual(['response/live'])
  })

  test('a device that was taken away is forgotten, and its alert with it', async () => {
    const { mosquitto, directory, running } = await start(protocol)
    const { client, answer } = await plainClient(mosquitto.url, version)
    await client.publishAsync('cold/g7', '1', { qos: 1 })
    await running.line('silent-sensor: inactive → firing')
    const before = await answer('rules', { request_id: 'before' })
    expect(before.data.items[0]).toMatchObject({
      id: 'silent-sensor',
      keys: 1,
      key: ['device'],
      kind: 'absence',
    })
    const done = await tocsin(['forget', directory, 'silent-sensor', 'device=g7'])
    expect(done).toEqual({
      code: 0,
      stdout: 'silent-sensor has forgotten what it knew about device=g7.\n',
      stderr: '',
    })
    const audit = await answer('audit', { request_id: 'audit', limit: 1, rule: 'silent-sensor' } as never)
    expect(audit.data.items[0]).toMatchObject({ to: 'inactive', because: 'forgotten', key: { device: 'g7' } })
    expect(audit.data.next).toEqual(expect.any(Number))
    expect((await answer('rules', { request_id: 'after' })).data.items[0].keys).toBe(0)
    const again = await tocsin(['forget', directory, 'silent-sensor', 'device=g7'])
    expect(again).toMatchObject({ code: 1, stdout: 'silent-sensor knows nothing about device=g7.\n' })
    const unknown = await tocsin(['forget', directory, 'silent', 'device=g7'])
    expect(unknown.code).toBe(1)
    expect(unknown.stderr).toContain('No rule with the id "silent" is running.')
    expect((await tocsin(['forget', directory, 'silent-sensor', 'g7'])).code).toBe(2)
  })

  test('dead letters and the status are shown to people and to programs', async () => {
    const { mosquitto, directory, running } = await start(protocol, 'storage: state.db, zone: UTC')
    const { client, answer } = await plainClient(mosquitto.url, version)
    await client.publishAsync('readings/g1', '{"t": \u001b[31m', { qos: 1 })
    await client.publishAsync('readings/g2', Buffer.from([0xff, 0x00, 0x80]), { qos: 1 })
    for (let n = 0; n < 3; n++) await client.publishAsync('readings/g3', `oops ${n}`, { qos: 1 })
    await waitFor('all dead letters', async () => {
      const { data } = await answer('status', { request_id: `s-${performance.now()}`.replace('.', '-') })
      return data.dead_letters.kept === 5
    })
    const page = await answer('dead-letters', { request_id: 'page', limit: 2, topic: 'readings/g3' } as never)
    expect(page.data.items.map(({ payload }: { payload: string }) => payload)).toEqual(['oops 2', 'oops 1'])
    const input = { request_id: 'page-2', before: page.data.next, topic: 'readings/g3' }
    const rest = await answer('dead-letters', input)
    expect(rest.data).toMatchObject({ items: [{ payload: 'oops 0' }], next: null })

    const json = await tocsin(['dead-letters', directory, '--format', 'json', '--limit', '4'])
    expect(json.code).toBe(0)
    const listed = JSON.parse(json.stdout)
    expect(listed.items).toHaveLength(4)
    expect(listed.items[3]).toMatchObject({
      topic: 'readings/g2',
      broker: 'default',
      rules: ['readings'],
      size_bytes: 3,
      payload: '/wCA',
      encoding: 'base64',
    })
    const shown = await tocsin(['dead-letters', directory])
    expect(shown.stdout).toMatch(
      /^AT {2,}TOPIC {2,}REASON {2,}SIZE {2,}PAYLOAD\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}readings/,
    )
    expect(shown.stdout).not.toContain('\u001b')

    const status = await tocsin(['status', directory])
    expect(status.code).toBe(0)
    expect(status.stdout).toMatch(/rules +2 running/)
    expect(status.stdout).toMatch(/broker default +connected/)
    expect(status.stdout).toMatch(/state +kept on disk/)
    expect(status.stdout).toMatch(/dead letters +5 kept/)

    await running.stop()
    const gone = await tocsin(['status', directory, '--timeout', '300ms'])
    expect(gone).toMatchObject({ code: 1, stdout: '' })
    expect(gone.stderr).toContain(`Start it with \`tocsin run ${directory}\``)
    const offline = await tocsin(['dead-letters', directory, '--timeout', '300ms'], { cwd: directory })
    expect(offline.stderr).toBe('No Tocsin answers; this is from state.db.\n')
    expect(offline.stdout).toBe(shown.stdout)
    expect(offline.code).toBe(0)
  })
})

describe('with MQTT 5', () => {
  test('an answer goes to the response topic with the correlation data, where answers may go', async () => {
    const { mosquitto, running } = await start(
      '5',
      'storage: memory, respond_to: ["response/#", "elsewhere/+"]',
    )
    const { ask, heard } = await plainClient(mosquitto.url, 5)
    const to = (responseTopic: string, correlation: string, payload = '') =>
      ask('rules', payload, { properties: { responseTopic, correlationData: Buffer.from(correlation) } })
    await to('response/me', 'c1')
    await to('elsewhere/me', 'c2', '{"request_id": "named"}')
    await to('elsewhere/far/away', 'c3', '{"request_id": "c3"}')
    for (const topic of ['tocsin/answers', 'tocsin/request/status', 'other/x', '$SYS/x', 'elsewhere/+']) {
      // Mosquitto itself refuses a response topic with a wildcard [MQTT-3.3.2-14].
      if (!topic.includes('+')) await to(topic, 'refused')
    }
    await to('response/bad', 'c4', 'not json')
    await to('response/bad', 'c5', '{"request_id": 7}')
    await to('response/bad', 'c6', `"${'x'.repeat(70_000)}"`)
    await to('response/last', 'last')
    await heard.first('the last', ({ topic }) => topic === 'response/last')
    const seen = Object.fromEntries(
      heard.items.map(({ topic, correlation, answer }) => [
        correlation,
        [topic, answer.error?.code ?? answer.status, answer.request_id],
      ]),
    )
    expect(seen).toEqual({
      c1: ['response/me', 'success', null],
      c2: ['elsewhere/me', 'success', 'named'],
      c3: ['response/c3', 'bad-response-topic', 'c3'],
      c4: ['response/bad', 'bad-request', null],
      c5: ['response/bad', 'bad-request', null],
      c6: ['response/bad', 'too-large', null],
      last: ['response/last', 'success', null],
    })
    await running.line(/wanted its answer/)
    const told = running.lines.items.filter(({ kind }) => kind === 'request')
    expect(told.map(({ msg }) => msg)).toEqual([
      'A request wanted its answer on "tocsin/answers", where answers may not go. It was not answered.',
    ])
  })

  test('too many requests at once are told to wait', async () => {
    const { mosquitto } = await start('5')
    const { ask, heard } = await plainClient(mosquitto.url, 5)
    await Promise.all(
      Array.from({ length: 400 }, (_, n) => ask('status', JSON.stringify({ request_id: `f-${n}` }))),
    )
    await heard.count(400)
    const codes = new Set(heard.items.map(({ answer }) => answer.error?.code ?? 'success'))
    expect([...codes].sort()).toEqual(['busy', 'success'])
    const topics = new Set(heard.items.map(({ topic }) => topic))
    expect(topics.size).toBe(400)
  })
})

test('requests are heard beside rules whose filters overlap with theirs, and rules on them hear them too', async () => {
  const overlapping = `
rules:
  - { id: wide, topic: "+/+/temperature", then: [{ publish: { topic: out/wide } }] }
  - { id: asked, topic: tocsin/request/rules, then: [{ publish: { topic: elsewhere/asked, payload: { request_id: "{{ payload.request_id }}" } } }] }
`
  for (const [protocol, version] of [
    ['3.1.1', 4],
    ['5', 5],
  ] as const) {
    const { mosquitto } = await start(protocol, 'storage: memory', overlapping)
    const { answer, heard } = await plainClient(mosquitto.url, version)
    const { status } = await answer('rules', { request_id: 'once' })
    expect(status).toBe('success')
    await answer('status', { request_id: 'end' })
    const topics = heard.items.map(({ topic }) => topic).sort()
    expect(topics).toEqual(['elsewhere/asked', 'response/end', 'response/once'])
  }
})

test('a Tocsin can be asked while its rules are being mended', async () => {
  const { mosquitto, directory } = await start('5')
  const broken = makeDirectory({
    'broken.yaml': 'rules: [{ id: x, topic: "a/#/b", then: [] }]',
    'brokers.yaml': `brokers: { default: { url: "${mosquitto.url}" } }`,
  })
  cleanup.push(async () => broken.remove())
  expect((await tocsin(['status', broken.path])).stdout).toMatch(/rules +2 running/)
  expect((await tocsin(['status', directory, '--timeout', '0s'])).code).toBe(2)
  expect((await tocsin(['dead-letters', directory, '--limit', '1000'])).code).toBe(2)
})

test('where no answer may go nobody listens to requests, and the commands say why they cannot ask', async () => {
  const { mosquitto, directory } = await start('5', 'storage: memory, respond_to: []')
  const { client } = await plainClient(mosquitto.url, 5)
  const reasons = new Inbox<number | undefined>()
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') reasons.put(packet.reasonCode)
  })
  await client.publishAsync('tocsin/request/status', '{"request_id": "a"}', { qos: 1 })
  // The broker says that there is no matching subscriber (3.4.2.1).
  expect(await reasons.count(1)).toEqual([0x10])
  const { code, stderr } = await tocsin(['status', directory])
  expect(code).toBe(1)
  expect(stderr).toContain('Add response/# to `respond_to`')
})

test('a broker that is not there is told at once', async () => {
  const directory = makeDirectory({
    'rules.yaml': `
brokers: { default: { url: "mqtt://user:topsecret@127.0.0.1:1" } }
rules: [{ id: one, topic: a, then: [{ log: { file: x.csv } }] }]
`,
  })
  cleanup.push(async () => directory.remove())
  for (const command of ['status', 'dead-letters']) {
    const { code, stdout, stderr } = await tocsin([command, directory.path], { cwd: directory.path })
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('127.0.0.1:1')
    expect(stderr).not.toContain('topsecret')
  }
})

test('a request that comes again after the link was lost is not answered again, until the id is used anew', async () => {
  const broker = await startHandBroker((sessions) => sessions > 1)
  cleanup.push(() => broker.close())
  const directory = makeDirectory({
    'rules.yaml': rules,
    'brokers.yaml': `
brokers: { default: { url: "${broker.url}", client_id: tocsin-hand, protocol: 3.1.1 } }
settings: { storage: memory }
`,
  })
  cleanup.push(async () => directory.remove())
  const running = startTocsin(['run', directory.path], { cwd: directory.path })
  cleanup.push(() => running.kill())
  const line = (clientId: string, after = 0) => {
    const seen = broker.clients.items.slice(0, after)
    return broker.clients.first(
      clientId,
      (client) => client.connect.clientId === clientId && !seen.includes(client),
      startLimitMs,
    )
  }
  const out = await line('tocsin-hand-out')
  const first = await line('tocsin-hand')
  await running.line('subscribed')
  const answers = () =>
    out.packets.items.filter(isPublish).filter(({ topic }) => topic.startsWith('response/'))
  const request = (dup: boolean, id: string): Packet => ({
    cmd: 'publish',
    topic: 'tocsin/request/status',
    payload: `{"request_id": "${id}"}`,
    qos: 1,
    messageId: 7,
    dup,
    retain: false,
  })
  const isPuback = (packet: Packet) => packet.cmd === 'puback' && packet.messageId === 7

  first.send(request(false, 'one'))
  await out.packets.until('the answer', () => answers().length === 1)
  await first.packets.first('the acknowledgement', isPuback)
  const before = broker.clients.items.length
  first.drop()
  const second = await line('tocsin-hand', before)
  second.send(request(true, 'one'))
  await second.packets.first('the acknowledgement of what came again', isPuback)
  second.send(request(true, 'two'))
  await out.packets.until('the answer to another request', () => answers().length === 2)
  // The packet identifier is free again when its message has been acknowledged.
  await second.packets.until('both acknowledgements', (packets) => packets.filter(isPuback).length === 2)
  second.send(request(false, 'one'))
  await out.packets.until('the answer to the same request, asked anew', () => answers().length === 3)
  expect(answers().map(({ topic }) => topic)).toEqual(['response/one', 'response/two', 'response/one'])
})
