/** What reaches the other side of a bridge between real brokers: bytes, properties, QoS, RETAIN. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { startEmbeddedBroker } from '../../src/mqtt/embedded-broker.ts'
import { type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'
import { type Bridge, type Client, connected, openBridge, openClient } from './support/bridge.ts'

let near: Mosquitto
let far: Mosquitto
const cleanup: (() => Promise<unknown>)[] = []
let run = 0

beforeAll(async () => {
  ;[near, far] = await Promise.all([startMosquitto(), startMosquitto()])
  return () => Promise.all([near.close(), far.close()])
})

afterEach(async () => {
  for (const undo of cleanup.splice(0).reverse()) await undo()
})

async function between(
  rules: string,
  protocols: { near?: string; far?: string } = {},
  brokers: { near: Mosquitto; far: Mosquitto } = { near, far },
): Promise<{ bridge: Bridge; here: Client; there: Client; edit(rules: string): Promise<void> }> {
  run++
  const side = (name: 'near' | 'far') =>
    `${name}: { url: "${brokers[name].url}", client_id: bridge-${run}, protocol: "${protocols[name] ?? 5}" }`
  const yaml = (text: string) => `brokers:\n  ${side('near')}\n  ${side('far')}\nrules:\n${text}`
  const there = await openClient(brokers.far.url, `s/${run}/#`)
  cleanup.push(() => there.end())
  const here = await openClient(brokers.near.url, `n/${run}/#`)
  cleanup.push(() => here.end())
  const text = (one: string) => yaml(one.replaceAll('RUN', String(run)))
  const bridge = await openBridge(text(rules))
  cleanup.push(() => bridge.stop())
  await connected(bridge, 'near', 'far')
  return { bridge, here, there, edit: (next) => bridge.edit(text(next)) }
}

const plain = `
  - { id: up, broker: near, topic: "n/RUN/#", then: [{ forward: { to: far, prefix: s/RUN } }] }
`

describe('bytes and properties', () => {
  const properties = {
    contentType: 'application/cbor',
    responseTopic: 'answers/here',
    correlationData: Buffer.from([0, 255, 1]),
    payloadFormatIndicator: true,
    userProperties: { trace: ['1', '2'], unit: 'C' },
  }

  test('MQTT 5 to MQTT 5: all of them, in order, and one more hop', async () => {
    const { here, there } = await between(plain)
    const bytes = Buffer.from([0xff, 0x00, 0xfe])
    await here.publish(`n/${run}/a`, bytes, {
      properties: { ...properties, payloadFormatIndicator: false, messageExpiryInterval: 100 },
    })
    await here.publish(`n/${run}/b`, 'text', { properties })
    await here.publish(`n/${run}/c`, 'x', { qos: 0 })
    const packet = await there.message(`s/${run}/n/${run}/a`)
    expect(packet.payload).toEqual(bytes)
    expect(packet).toMatchObject({ qos: 1, retain: false })
    expect(packet.properties).toMatchObject({
      contentType: 'application/cbor',
      responseTopic: 'answers/here',
      correlationData: Buffer.from([0, 255, 1]),
      userProperties: { trace: ['1', '2'], unit: 'C', 'tocsin-hops': '1' },
    })
    expect(packet.properties?.messageExpiryInterval).toBeGreaterThan(90)
    expect(packet.properties?.messageExpiryInterval).toBeLessThanOrEqual(100)
    expect((await there.message(`s/${run}/n/${run}/b`)).properties).toMatchObject({
      payloadFormatIndicator: true,
    })
    expect((await there.message(`s/${run}/n/${run}/c`)).qos).toBe(0)
  })

  test('MQTT 5 to MQTT 3.1.1: the bytes alone; back to MQTT 5 there is nothing to keep', async () => {
    const there311 = await between(plain, { far: '3.1.1' })
    await there311.here.publish(`n/${run}/a`, 'x', { properties })
    const packet = await there311.there.message(`s/${run}/n/${run}/a`)
    expect(packet.payload.toString()).toBe('x')
    expect(packet.properties ?? {}).toEqual({})
    const here311 = await between(plain, { near: '3.1.1' })
    await here311.here.publish(`n/${run}/a`, 'y', { properties })
    const back = await here311.there.message(`s/${run}/n/${run}/a`)
    expect(back.payload.toString()).toBe('y')
    expect(back.properties).toEqual({ userProperties: { 'tocsin-hops': '1' } })
  })
})

describe('retain: keep', () => {
  const kept = `
  - { id: kept, broker: near, topic: "n/RUN/#", then: [{ forward: { to: far, prefix: s/RUN, retain: keep } }] }
`
  test('what is kept here is kept there, from before the start too, and what is cleared is cleared', async () => {
    const first = run + 1
    const early = await openClient(near.url, 'nothing')
    await early.publish(`n/${first}/old`, '1', { retain: true })
    await early.end()
    const { bridge, here, there } = await between(kept)
    await connected(bridge, 'near~keep')
    // To those who listen already RETAIN is not shown [MQTT-3.3.1-12].
    expect((await there.message(`s/${run}/n/${run}/old`)).payload.toString()).toBe('1')
    await here.publish(`n/${run}/new`, '2', { retain: true })
    await here.publish(`n/${run}/live`, '3')
    await here.publish(`n/${run}/old`, '', { retain: true })
    await there.heard.until('the end of it', (all) => all.some(({ payload }) => payload.length === 0))
    expect(there.heard.items.map(({ payload }) => payload.toString())).toEqual(['1', '2', '3', ''])
    const late = await openClient(far.url, `s/${run}/#`)
    cleanup.push(() => late.end())
    const packet = await late.message(`s/${run}/n/${run}/new`)
    expect(packet).toMatchObject({ retain: true })
    await late.publish(`s/${run}/end`, 'x')
    await late.message(`s/${run}/end`)
    expect(late.heard.items.map(({ topic }) => topic)).toEqual([`s/${run}/n/${run}/new`, `s/${run}/end`])
  })

  test('filters that overlap bring each message once to each rule, what is kept too', async () => {
    const first = run + 1
    const early = await openClient(near.url, 'nothing')
    await early.publish(`n/${first}/a/b`, 'kept', { retain: true })
    await early.end()
    const rule = (id: string, filter: string) =>
      `  - { id: ${id}, broker: near, topic: "${filter}", key: {}, then: [{ forward: { to: far, prefix: s/RUN/${id}, retain: keep } }] }\n`
    const { bridge, here, there } = await between(
      rule('all', 'n/RUN/#') + rule('left', 'n/RUN/a/+') + rule('right', 'n/RUN/+/b') + plain,
    )
    await connected(bridge, 'near~keep')
    await there.heard.count(3)
    await here.publish(`n/${run}/a/b`, 'live', { retain: true })
    await here.publish(`n/${run}/end`, 'end')
    await there.heard.until(
      'the end, twice',
      (all) => all.filter(({ topic }) => topic.endsWith('/end')).length >= 2,
    )
    const heard = there.heard.items.map(
      ({ topic, payload }) => `${topic.slice(`s/${run}/`.length)} ${payload}`,
    )
    const topic = `n/${run}/a/b`
    expect(heard.sort()).toEqual(
      [
        ...['all', 'left', 'right'].flatMap((id) => [`${id}/${topic} kept`, `${id}/${topic} live`]),
        `${topic} live`,
        `all/n/${run}/end end`,
        `n/${run}/end end`,
      ].sort(),
    )
  })

  test('a rule that comes to want it is heard by the session beside; one that does not any more is left out', async () => {
    const { bridge, here, there, edit } = await between(plain)
    await here.publish(`n/${run}/a`, '1', { retain: true })
    expect((await there.message(`s/${run}/n/${run}/a`)).payload.toString()).toBe('1')
    await edit(kept)
    await connected(bridge, 'near~keep')
    await there.heard.count(2)
    await here.publish(`n/${run}/b`, '2', { retain: true })
    await there.heard.count(3)
    await edit(plain)
    await here.publish(`n/${run}/c`, '3', { retain: true })
    await there.message(`s/${run}/n/${run}/c`)
    expect(there.heard.items.map(({ payload }) => payload.toString())).toEqual(['1', '1', '2', '3'])
    const late = await openClient(far.url, `s/${run}/#`)
    cleanup.push(() => late.end())
    await late.heard.count(2)
    expect(late.heard.items.map(({ payload }) => payload.toString()).sort()).toEqual(['1', '2'])
  })

  test('where the broker turns out to speak 3.1.1 alone it is told, and messages go on without RETAIN', async () => {
    const old = await startEmbeddedBroker({ port: 0 })
    cleanup.push(() => old.close())
    run++
    const yaml = `
brokers:
  near: { url: "mqtt://127.0.0.1:${old.port}", client_id: bridge-${run} }
  far: { url: "${far.url}", client_id: bridge-${run} }
rules:
${kept.replaceAll('RUN', String(run))}`
    const there = await openClient(far.url, `s/${run}/#`)
    cleanup.push(() => there.end())
    const here = await openClient(`mqtt://127.0.0.1:${old.port}`, 'nothing', { protocolVersion: 4 })
    cleanup.push(() => here.end())
    const bridge = await openBridge(yaml)
    cleanup.push(() => bridge.stop())
    await connected(bridge, 'near~keep')
    await here.publish(`n/${run}/a`, '1', { retain: true })
    await there.message(`s/${run}/n/${run}/a`)
    const told = await bridge.troubles.first('the trouble', ({ kind }) => kind === 'subscription')
    expect(told.message).toContain('speaks MQTT 3.1.1')
    expect(told.message).toContain('kept')
  })
})

describe('a broker that refuses', () => {
  test('a topic: kept as a dead letter, and what follows goes through', async () => {
    const strict = await startMosquitto({
      users: { bridge: 'secret-1', reader: 'secret-2' },
      acl: ['user bridge', 'topic write s/+/n/+/allowed', 'topic tocsin/#', 'user reader', 'topic read #'],
    })
    cleanup.push(() => strict.close())
    run++
    const yaml = `
brokers:
  near: { url: "${near.url}", client_id: bridge-${run} }
  far: { url: "${strict.url}", username: bridge, password: secret-1, protocol: 5 }
rules:
${plain.replaceAll('RUN', String(run))}`
    const there = await openClient(strict.url, '#', { username: 'reader', password: 'secret-2' })
    cleanup.push(() => there.end())
    const here = await openClient(near.url, 'nothing')
    cleanup.push(() => here.end())
    const bridge = await openBridge(yaml)
    cleanup.push(() => bridge.stop())
    await connected(bridge, 'near', 'far')
    await here.publish(`n/${run}/forbidden`, 'x')
    await here.publish(`n/${run}/allowed`, 'y')
    await there.message(`s/${run}/n/${run}/allowed`)
    const [letter] = await bridge.deadLetters.count(1)
    expect(letter).toMatchObject({
      broker: 'far',
      topic: `s/${run}/n/${run}/forbidden`,
      reason: 'refused',
      rules: ['up'],
    })
    const page = await bridge.engine.control.deadLetters({ limit: 10 })
    expect(page.ok && page.value.items[0]).toMatchObject({ reason: 'refused', payload: 'x' })
    expect(there.heard.items.filter(({ topic }) => topic.startsWith('s/')).length).toBe(1)
  })

  test('us: messages wait, and the cause is told', async () => {
    run++
    const strict = await startMosquitto({ users: { bridge: 'secret-1' } })
    cleanup.push(() => strict.close())
    const yaml = `
brokers:
  near: { url: "${near.url}", client_id: bridge-${run} }
  far: { url: "${strict.url}", username: bridge, password: wrong }
rules:
${plain.replaceAll('RUN', String(run))}`
    const here = await openClient(near.url, `done/${run}`)
    cleanup.push(() => here.end())
    const bridge = await openBridge(yaml)
    cleanup.push(() => bridge.stop())
    await connected(bridge, 'near')
    const { state } = await bridge.links.first('the refusal', ({ broker }) => broker === 'far')
    expect(state.state === 'offline' && state.failure.reason).toBe('not-authorised')
    await here.publish(`n/${run}/a`, 'x')
    await here.publish(`n/${run}/b`, 'y')
    await waitFor('both to wait', () => bridge.engine.backlog().outgoing['forward:far/up'] === 2)
    const status = await bridge.engine.control.status()
    expect(status.ok && status.value.outbox['forward:far/up']).toBe(2)
  })
})
