/** The doctor among other clients with Tocsin's id: it disturbs nobody who is known, and loses nothing. */
import mqtt from 'mqtt'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Mosquitto, startMosquitto } from '../../support/mosquitto.ts'
import { connectClient } from '../../support/mqtt-client.ts'
import { Inbox, waitFor, within } from '../../support/wait-for.ts'
import { openClinic, quietRules } from './clinic.ts'

let mosquitto: Mosquitto
beforeAll(async () => {
  mosquitto = await startMosquitto()
})
afterAll(() => mosquitto.close())

/** A client with a session under the id, as Tocsin has one: away, with messages that wait. */
async function leaveMessages(
  clientId: string,
  protocolVersion: 4 | 5,
  texts: readonly string[],
): Promise<void> {
  const session = await mqtt.connectAsync(mosquitto.url, sessionOptions(clientId, protocolVersion))
  await session.subscribeAsync(`sensors/${clientId}/data`, { qos: 1 })
  await session.endAsync()
  const device = await connectClient(mosquitto.url)
  for (const text of texts) await device.publish(`sensors/${clientId}/data`, text)
  await device.end()
}

function sessionOptions(clientId: string, protocolVersion: 4 | 5): mqtt.IClientOptions {
  const properties = protocolVersion === 5 ? { properties: { sessionExpiryInterval: 86_400 } } : {}
  return { clientId, protocolVersion, clean: false, reconnectPeriod: 0, ...properties }
}

/** What comes to whoever takes up the session, in order, up to `count` messages. */
async function takeUp(clientId: string, protocolVersion: 4 | 5, count: number): Promise<readonly string[]> {
  const heard = new Inbox<string>()
  // Not `connectAsync`: messages come together with the CONNACK.
  const client = mqtt.connect(mosquitto.url, sessionOptions(clientId, protocolVersion))
  client.on('message', (_topic, payload) => heard.put(payload.toString()))
  await heard.count(count)
  // The answer to a ping of ours comes after all that was queued before it.
  await client.publishAsync(`sensors/${clientId}/data`, 'end', { qos: 1 })
  await heard.first('the end', (text) => text === 'end')
  await client.endAsync()
  return heard.items.filter((text) => text !== 'end')
}

test.concurrent.each([5, 4] as const)(
  'messages that wait for Tocsin survive the doctor, in order (version %s)',
  async (version) => {
    const id = `tocsin-waiting-${version}`
    const texts = Array.from({ length: 60 }, (_, n) => `reading ${n}`)
    await leaveMessages(id, version, texts)
    const protocol = version === 5 ? '"5"' : '"3.1.1"'
    const clinic = openClinic(
      quietRules(`{ url: "${mosquitto.url}", client_id: ${id}, protocol: ${protocol} }`),
    )
    for (let visit = 0; visit < 2; visit++) {
      const found = await clinic.examine({ watchMs: 100, listenMs: 50 })
      expect(found.of('client id')).toMatchObject({
        state: 'ok',
        what: `"${id}" is used by nobody else. The broker keeps messages for it; they are still there.`,
      })
    }
    expect(await takeUp(id, version, texts.length)).toEqual(texts)
    clinic.remove()
  },
)

test.concurrent.each([5, 4] as const)(
  'so do those that were in hand, not acknowledged, when it died (version %s)',
  async (version) => {
    const id = `tocsin-died-${version}`
    const texts = Array.from({ length: 60 }, (_, n) => `reading ${n}`)
    await leaveMessages(id, version, [])
    const died = mqtt.connect(mosquitto.url, sessionOptions(id, version))
    const inHand = new Inbox<string>()
    died.on('packetreceive', (packet) => {
      if (packet.cmd === 'publish') inHand.put(packet.payload.toString())
    })
    // Nothing is acknowledged.
    died.handleMessage = () => {}
    await new Promise((resolve) => died.once('connect', resolve))
    const device = await connectClient(mosquitto.url)
    for (const text of texts) await device.publish(`sensors/${id}/data`, text)
    await device.end()
    await inHand.count(1)
    died.stream.destroy()
    const protocol = version === 5 ? '"5"' : '"3.1.1"'
    const clinic = openClinic(
      quietRules(`{ url: "${mosquitto.url}", client_id: ${id}, protocol: ${protocol} }`),
    )
    const found = await clinic.examine({ watchMs: 100, listenMs: 50 })
    expect(found.of('client id').what).toMatch(/they are still there\.$/)
    expect(await takeUp(id, version, texts.length)).toEqual(texts)
    clinic.remove()
  },
)

test.concurrent.each([5, 4] as const)(
  'where there was no session, none is left behind (version %s)',
  async (version) => {
    const id = `tocsin-new-${version}`
    const protocol = version === 5 ? '"5"' : '"3.1.1"'
    const clinic = openClinic(
      quietRules(`{ url: "${mosquitto.url}", client_id: ${id}, protocol: ${protocol} }`),
    )
    const found = await clinic.examine({ watchMs: 50, listenMs: 50 })
    expect(found.of('client id').what).toBe(`"${id}" is used by nobody else.`)
    const client = mqtt.connect(mosquitto.url, sessionOptions(id, version))
    const sessionPresent = await new Promise<boolean>((resolve) =>
      client.once('connect', (connack) => resolve(connack.sessionPresent)),
    )
    expect(sessionPresent).toBe(false)
    await client.endAsync(true)
    clinic.remove()
  },
)

test.concurrent.each([5, 4] as const)(
  'another client that uses the id is found out (version %s)',
  async (version) => {
    const id = `tocsin-twice-${version}`
    const other = await mqtt.connectAsync(mosquitto.url, {
      ...sessionOptions(id, version),
      reconnectPeriod: 20,
    })
    await other.subscribeAsync('sensors/kept/data', { qos: 1 })
    const clinic = openClinic(
      quietRules(
        `{ url: "${mosquitto.url}", client_id: ${id}, protocol: ${version === 5 ? '"5"' : '"3.1.1"'} }`,
      ),
    )
    const found = await clinic.examine({ watchMs: 5_000, listenMs: 50 })
    expect(found.failed).toEqual(['client id'])
    expect(found.of('client id').what).toContain(`Another client uses the client id "${id}"`)
    // It has its session back, with its subscription.
    await waitFor('the other one to be back', () => other.connected)
    const heard = new Promise((resolve) => other.once('message', resolve))
    const device = await connectClient(mosquitto.url)
    await device.publish('sensors/kept/data', 'x')
    await within(5_000, 'a message for the other one', heard)
    await device.end()
    await other.endAsync(true)
    clinic.remove()
  },
)

test('a Tocsin that runs is left alone, asked what its rules have heard, and its store and port are its own', async () => {
  const clinic = openClinic(
    quietRules(
      `{ url: "${mosquitto.url}", client_id: tocsin-running }`,
      '  - { id: quiet, topic: nobody/speaks, then: [{ publish: { topic: x, payload: y } }] }\n',
    ),
  )
  const service = await clinic.startTocsin()
  const watcher = await connectClient(mosquitto.url)
  await watcher.subscribe('tocsin/status')
  await watcher.heard.first('Tocsin to be online', ({ payload }) => payload === 'online')
  await watcher.publish('sensors/g1/data', '{"temperature": 20}')
  await waitFor('Tocsin to have heard it', async () => {
    const rules = await service.engine.control.rules({ limit: 10 })
    return rules.ok && rules.value.items[0]?.messages === 1
  })
  const found = await clinic.examine({ listenMs: 100 })
  expect(found.failed).toEqual([])
  expect(found.of('client id')).toMatchObject({
    state: 'ok',
    what: expect.stringMatching(/^Tocsin 0\.0\.0-test runs here, for .*: "tocsin-running" was not tried/),
  })
  expect(found.of('store').what).toMatch(/is in use by the Tocsin that runs, as it should be\.$/)
  // The one that has heard something is not among them.
  expect(found.of('messages').what).toMatch(
    /^Nothing came since Tocsin was started .* on "nobody\/speaks" \(quiet\)\.$/,
  )
  expect(watcher.heard.items.filter(({ payload }) => payload === 'offline')).toEqual([])
  const other = openClinic(quietRules(`{ url: "${mosquitto.url}", client_id: tocsin-running }`))
  expect((await other.examine({ listenMs: 50 })).of('client id')).toMatchObject({
    state: 'warn',
    what: expect.stringContaining('with other rules than these'),
  })
  other.remove()
  await service.stop()
  await watcher.end()
  clinic.remove()
})

test('what came while Tocsin was away is decided once, in order, after a visit of the doctor', async () => {
  const clinic = openClinic(quietRules(`{ url: "${mosquitto.url}", client_id: tocsin-away }`))
  const first = await clinic.startTocsin()
  const people = await connectClient(mosquitto.url)
  await people.subscribe('sensors/+/alert')
  await people.subscribe('tocsin/status')
  await people.heard.first('Tocsin to be online', ({ payload }) => payload === 'online')
  await people.publish('sensors/first/data', '{"temperature": 40}')
  await people.message('sensors/first/alert')
  await first.stop()
  const names = Array.from({ length: 20 }, (_, n) => `g${n}`)
  for (const name of names) await people.publish(`sensors/${name}/data`, '{"temperature": 40}')
  const found = await clinic.examine({ watchMs: 100, listenMs: 50 })
  expect(found.of('client id').what).toMatch(/they are still there\.$/)
  const second = await clinic.startTocsin()
  await people.message('sensors/g19/alert')
  const alerts = people.heard.items.filter(({ topic }) => topic.endsWith('/alert')).map(({ topic }) => topic)
  expect(alerts).toEqual(['first', ...names].map((name) => `sensors/${name}/alert`))
  await second.stop()
  await people.end()
  clinic.remove()
})

test('a status that says online and answers nothing is not tried either', async () => {
  const device = await connectClient(mosquitto.url)
  await device.publish('plant/status', 'online', { retain: true })
  const clinic = openClinic(
    quietRules(`{ url: "${mosquitto.url}", client_id: tocsin-quiet, status_topic: plant/status }`),
  )
  const found = await clinic.examine({ listenMs: 50 })
  expect(found.of('client id')).toMatchObject({
    state: 'warn',
    next: expect.stringContaining('`tocsin status`'),
  })
  await device.publish('plant/status', '', { retain: true })
  await device.end()
  clinic.remove()
})
