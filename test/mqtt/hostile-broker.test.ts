import mqttPacket, { type Packet } from 'mqtt-packet'
import { afterEach, describe, expect, it } from 'vitest'
import { type ScriptedBroker, startScriptedBroker } from '../support/scripted-broker.ts'
import { startStation, stopStations, textOf } from './station.ts'

let scripted: ScriptedBroker | null = null

afterEach(async () => {
  await stopStations()
  await scripted?.close()
  scripted = null
})

const connack4 = Buffer.from([0x20, 2, 0, 0])
const connack5 = Buffer.from([0x20, 3, 0, 0, 0])

/** A broker that accepts everybody; `ingest` is the client of the ingest line, which connects first. */
async function start(protocol: '3.1.1' | '5', options = {}) {
  scripted = await startScriptedBroker(() => (protocol === '5' ? connack5 : connack4))
  const station = startStation({ url: scripted.url, protocol, clientId: 'victim', ...options })
  await station.up()
  const ingest = await scripted.clients.first(
    'the ingest line',
    (client) => !Buffer.concat(client.received.items).includes('victim-out'),
  )
  return { station, ingest, scripted }
}

function publish(topic: string, payload: string | Buffer, packetId: number): Buffer {
  return mqttPacket.generate({
    cmd: 'publish',
    topic,
    payload,
    qos: packetId > 0 ? 1 : 0,
    messageId: packetId,
    dup: false,
    retain: false,
  })
}

function connectProperties(bytes: Buffer): Record<string, unknown> {
  let properties: Record<string, unknown> = {}
  const parser = mqttPacket.parser()
  parser.on('packet', (packet: Packet) => {
    if (packet.cmd === 'connect') properties = { ...packet.properties }
  })
  parser.parse(bytes)
  return properties
}

describe('a broker that breaks the protocol', () => {
  it.each<[string, '3.1.1' | '5', Buffer]>([
    ['a length of five bytes', '3.1.1', Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0x7f])],
    ['a topic that is not UTF-8', '3.1.1', Buffer.from([0x30, 4, 0, 2, 0xc3, 0x28])],
    ['a wildcard in a topic', '5', Buffer.from([0x30, 4, 0, 1, 0x23, 0])],
    ['properties that are cut short', '5', Buffer.from([0x30, 5, 0, 1, 0x61, 9, 1])],
    ['a SUBACK with a reason code that does not exist', '5', Buffer.from([0x90, 4, 0, 1, 0, 0x7e])],
    ['a SUBACK with properties that are cut short', '5', Buffer.from([0x90, 4, 0, 1, 0x85, 0x26])],
    ['a PUBREL without a packet identifier', '3.1.1', Buffer.from([0x62, 0])],
    ['a PUBREL that is cut short', '5', Buffer.from([0x62, 1, 0])],
    ['the packet identifier 0', '5', Buffer.from([0x62, 2, 0, 0])],
    ['a packet that only clients send', '5', Buffer.from([0x82, 6, 0, 1, 0, 1, 0x61, 0])],
    ['an AUTH on 3.1.1', '3.1.1', Buffer.from([0xf0, 0])],
    ['an unknown packet', '3.1.1', Buffer.from([0x00, 0])],
    ['wrong flags', '3.1.1', Buffer.from([0xd5, 0])],
    ['a second CONNACK', '3.1.1', connack4],
  ])('is left, and tried again: %s', async (_name, protocol, bytes) => {
    const { station, ingest } = await start(protocol)
    ingest.send(bytes)
    await station.failure('protocol')
    await station.links.until(
      'the link to come back',
      (links) => links.at(-1)?.state === 'online' && links.length >= 3,
    )
  })

  it.each([
    ['given twice', [0x20, 9, 0, 0, 6, 0x13, 0, 5, 0x13, 0, 6]],
    ['cut short', [0x20, 5, 0, 0, 2, 0x13, 0]],
  ])('is left when it accepts with a Server Keep Alive that is %s', async (_name, connack) => {
    scripted = await startScriptedBroker(() => Buffer.from(connack))
    const station = startStation({ url: scripted.url, protocol: '5' })
    await station.failure('protocol')
  })

  it('is told why on MQTT 5', async () => {
    const { station, ingest } = await start('5')
    ingest.send(Buffer.from([0x30, 3, 0, 0, 0]))
    await station.failure('protocol')
    await ingest.closed
    expect(Buffer.concat(ingest.received.items).subarray(-3)).toEqual(Buffer.from([0xe0, 1, 0x82]))
    expect(station.broker.counters.protocolErrors).toBe(1)
  })

  it('is left when it sends QoS 2, with words that tell where that may come from', async () => {
    const { station, ingest } = await start('3.1.1')
    ingest.send(Buffer.from([0x34, 5, 0, 1, 0x61, 0, 1]))
    const failure = await station.failure('protocol')
    expect(failure.message).toContain('QoS 2')
    expect(failure.help).toContain('client_id')
  })

  it('loses nothing that came before its mistake', async () => {
    const { station, ingest } = await start('3.1.1')
    ingest.send(Buffer.concat([publish('a', 'good', 1), Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 1])]))
    await station.failure('protocol')
    expect(station.messages.items.map(textOf)).toEqual(['good'])
  })

  it('is left when it no longer answers pings, and says nothing else either', async () => {
    const { station } = await start('3.1.1', { keepaliveSeconds: 1 })
    expect((await station.failure('timeout')).message).toContain('stopped answering')
  })

  it('gets each message acknowledged once when it sends it twice', async () => {
    const { station, ingest } = await start('3.1.1', { acknowledge: false })
    ingest.send(Buffer.concat([publish('a', 'x', 1), publish('a', 'x', 1), publish('a', 'y', 2)]))
    const [first, second] = await station.messages.count(2)
    station.broker.acknowledge(second!)
    station.broker.acknowledge(first!)
    await ingest.received.until('both acknowledgements in order', (all) =>
      Buffer.concat([...all])
        .subarray(-8)
        .equals(Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2])),
    )
    expect(station.broker.counters).toMatchObject({ received: 3, duplicatesDropped: 1, acknowledged: 2 })
  })
})

describe('messages that are too long', () => {
  it('are told about without their payload, and can be acknowledged', async () => {
    const { station, ingest } = await start('3.1.1', { maximumPacketBytes: 1_000 })
    const long = publish('a/long', Buffer.alloc(500_000), 1)
    ingest.send(Buffer.concat([long, publish('a/short', 'x', 2)]))
    const [first, second] = await station.messages.count(2)
    expect(first).toMatchObject({ topic: 'a/long', packetId: 1, oversizedBytes: long.length })
    expect(first!.payload.length).toBe(0)
    expect(second!.oversizedBytes).toBeUndefined()
    expect(station.broker.counters.oversized).toBe(1)
    await ingest.received.until('both acknowledgements', (all) =>
      Buffer.concat([...all])
        .subarray(-8)
        .equals(Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2])),
    )
  })

  it('are not forbidden to the broker, which would drop them without a word [MQTT-3.1.2-25]', async () => {
    const { ingest } = await start('5', { maximumPacketBytes: 1_000 })
    const [properties] = ingest.received.items.map(connectProperties)
    expect(properties).toMatchObject({ receiveMaximum: 1_000 })
    expect(properties).not.toHaveProperty('maximumPacketSize')
  })
})

describe('acknowledgements', () => {
  it('of an earlier connection are dropped', async () => {
    const { station, ingest, scripted } = await start('3.1.1', { acknowledge: false })
    ingest.send(publish('a', 'x', 1))
    const [message] = await station.messages.count(1)
    ingest.end()
    await station.links.count(3)
    station.broker.acknowledge(message!)
    expect(station.broker.counters).toMatchObject({ acknowledged: 0, acknowledgementsDropped: 1 })
    const again = await scripted.clients.count(3)
    again[2]!.send(publish('a', 'x', 1))
    expect((await station.messages.count(2))[1]!.connection).not.toBe(message!.connection)
  })

  it('do not come before the messages are told to be of a link that is up', async () => {
    scripted = await startScriptedBroker(() =>
      Buffer.concat([Buffer.from([0x20, 2, 1, 0]), publish('a', 'x', 1)]),
    )
    const station = startStation({ url: scripted.url, protocol: '3.1.1' })
    await station.messages.count(1)
    expect(station.links.items).toMatchObject([{ state: 'online', sessionPresent: true }])
  })
})

describe('a broker that says why', () => {
  it('it ends the connection: another client took the id', async () => {
    const { station, ingest } = await start('5')
    ingest.send(Buffer.from([0xe0, 2, 0x8e, 0]))
    ingest.end()
    const failure = await station.failure('client-id-taken')
    expect(failure.message).toContain('"victim"')
  })

  it.each([
    ['3.1.1', 4, 0x80, /no reason/],
    ['5', 5, 0x87, /not authorised/],
    ['5', 5, 0xa2, /wildcard/],
  ] as const)('it refuses some filters of many (%s)', async (protocol, protocolVersion, code, words) => {
    const { station, ingest } = await start(protocol)
    const asked = station.subscribe('open/a', 'closed/b', 'open/c')
    await ingest.received.until('the SUBSCRIBE', (all) => Buffer.concat([...all]).includes('open/c'))
    const packets: Packet[] = []
    const parser = mqttPacket.parser({ protocolVersion })
    parser.on('packet', (packet) => packets.push(packet))
    parser.parse(Buffer.concat(ingest.received.items))
    const messageId = packets.find((packet) => packet.cmd === 'subscribe')!.messageId!
    ingest.send(mqttPacket.generate({ cmd: 'suback', messageId, granted: [1, code, 0] }, { protocolVersion }))
    expect(await asked).toEqual([
      { filter: 'open/a', granted: true },
      { filter: 'closed/b', granted: false, message: expect.stringMatching(words) },
      { filter: 'open/c', granted: true },
    ])
  })

  it('nothing, and the link is lost: the filters are to be asked for again', async () => {
    const { station, ingest } = await start('3.1.1')
    const asked = station.subscribe('a')
    ingest.end()
    expect(await asked).toMatchObject([{ granted: false, temporary: true }])
  })
})

describe('publishes', () => {
  /** Answers each PUBLISH of the outgoing line through `answer`. */
  async function startOutgoing(options = {}, greeting: Buffer = connack5) {
    scripted = await startScriptedBroker(() => greeting)
    const station = startStation({ url: scripted.url, protocol: '5', clientId: 'victim', ...options })
    await station.up()
    const client = await scripted.clients.first('the outgoing line', (each) =>
      Buffer.concat(each.received.items).includes('victim-out'),
    )
    return { station, client }
  }

  it('end as temporary when the link is lost before the acknowledgement, and are not sent again', async () => {
    const { station, client } = await startOutgoing()
    const outcome = station.publish('a', 'only once')
    await client.received.until('the message', (all) => Buffer.concat([...all]).includes('only once'))
    client.end()
    expect(await outcome).toMatchObject({ ok: false, kind: 'temporary' })
    await station.outgoing.count(3)
    const fresh = (await scripted!.clients.count(3))[2]!
    await station.broker.publish({ topic: 'b', payload: Buffer.from('next'), qos: 0, retain: false })
    await fresh.received.until('the next', (all) => Buffer.concat([...all]).includes('next'))
    expect(Buffer.concat(fresh.received.items).includes('only once')).toBe(false)
  })

  it('are temporary at once without a link', async () => {
    const station = startStation({ url: 'mqtt://127.0.0.1:1', protocol: '5' })
    expect(await station.publish('a', 'x')).toMatchObject({ ok: false, kind: 'temporary' })
    expect(station.broker.canPublish).toBe(false)
  })

  it.each([
    [0x00, { ok: true }],
    [0x10, { ok: true }],
    [0x87, { ok: false, kind: 'permanent', message: expect.stringContaining('not authorised') }],
    [0x97, { ok: false, kind: 'temporary', message: expect.stringContaining('quota') }],
  ])('end by the reason code 0x%i', async (code, outcome) => {
    const { station, client } = await startOutgoing()
    const published = station.publish('a', 'x')
    await client.received.until('the message', (all) => Buffer.concat([...all]).includes('x'))
    client.send(Buffer.from([0x40, 3, 0, 1, code]))
    expect(await published).toEqual(outcome)
  })

  it('keep to the window and the limits of the broker', async () => {
    const greeting = mqttPacket.generate(
      {
        cmd: 'connack',
        sessionPresent: false,
        reasonCode: 0,
        properties: { receiveMaximum: 2, maximumPacketSize: 100, retainAvailable: false },
      },
      { protocolVersion: 5 },
    )
    const { station, client } = await startOutgoing({}, greeting)
    expect(await station.publish('a', 'x'.repeat(200))).toMatchObject({ kind: 'permanent' })
    expect(await station.publish('a', 'x'.repeat(95))).toMatchObject({ kind: 'permanent' })
    expect(await station.publish('a', 'x', 1, true)).toMatchObject({ kind: 'permanent' })
    const outcomes = ['first', 'second', 'third'].map((text) => station.publish('a', text))
    await client.received.until('two messages', (all) => Buffer.concat([...all]).includes('second'))
    expect(Buffer.concat(client.received.items).includes('third')).toBe(false)
    client.send(Buffer.from([0x40, 2, 0, 1]))
    await client.received.until('the third', (all) => Buffer.concat([...all]).includes('third'))
    client.send(Buffer.from([0x40, 2, 0, 2, 0x40, 2, 0, 3]))
    expect(await Promise.all(outcomes)).toEqual([{ ok: true }, { ok: true }, { ok: true }])
  })

  it('that are never acknowledged make the line anew', async () => {
    const { station } = await startOutgoing({ publishTimeoutMs: 50 })
    expect(await station.publish('a', 'x')).toMatchObject({ kind: 'temporary' })
    expect(await station.outgoing.first('the failure', ({ state }) => state === 'offline')).toMatchObject({
      failure: { reason: 'timeout' },
    })
  })
})
