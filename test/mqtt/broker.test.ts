import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type EmbeddedBroker, startEmbeddedBroker } from '../../src/mqtt/embedded-broker.ts'
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { within } from '../support/wait-for.ts'
import { type StationOptions, startStation, stopStations, textOf } from './station.ts'

afterEach(stopStations)

describe.skipIf(!hasMosquitto)('with Mosquitto', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto({ lines: ['max_inflight_messages 1000'] })
  })
  afterAll(() => mosquitto.close())

  for (const protocol of ['3.1.1', '5'] as const) {
    describe(`over MQTT ${protocol}`, () => {
      const start = (options: Partial<StationOptions> = {}) =>
        startStation({ url: mosquitto.url, protocol, ...options })
      const prefix = `p${protocol[0]}`

      it('receives what it publishes, at either QoS', async () => {
        const station = start()
        await station.up()
        expect(await station.subscribe(`${prefix}/basic/#`)).toEqual([
          { filter: `${prefix}/basic/#`, granted: true },
        ])
        expect(await station.publish(`${prefix}/basic/0`, 'zero', 0)).toEqual({ ok: true })
        expect(await station.publish(`${prefix}/basic/1`, 'one', 1)).toEqual({ ok: true })
        const [zero, one] = await station.messages.count(2)
        expect(zero).toMatchObject({
          topic: `${prefix}/basic/0`,
          qos: 0,
          packetId: 0,
          broker: 'default',
          retain: false,
        })
        expect(one).toMatchObject({ topic: `${prefix}/basic/1`, qos: 1, dup: false })
        expect([zero, one].map((message) => textOf(message!))).toEqual(['zero', 'one'])
      })

      it('is told of a message that is longer than it takes, and acknowledges it', async () => {
        const clientId = `long-${prefix}`
        const first = start({ clientId })
        await first.up()
        await first.subscribe(`${prefix}/long`)
        expect(await first.publish(`${prefix}/long`, 'x'.repeat(1_300_000))).toEqual({ ok: true })
        const [long] = await first.messages.count(1)
        expect(long).toMatchObject({ topic: `${prefix}/long`, qos: 1 })
        expect(long!.oversizedBytes).toBeGreaterThan(1_300_000)
        expect(long!.payload.length).toBe(0)
        expect(first.broker.counters).toMatchObject({ received: 1, oversized: 1 })
        await first.stop()
        // Had it not been acknowledged, it would come again, before what is sent now.
        const second = start({ clientId })
        await second.up()
        await second.publish(`${prefix}/long`, 'short')
        expect((await second.messages.count(1)).map(textOf)).toEqual(['short'])
      })

      it('marks a replay of a retained message', async () => {
        const station = start()
        await station.up()
        await station.publish(`${prefix}/kept`, 'still here', 1, true)
        await station.subscribe(`${prefix}/kept`)
        const [message] = await station.messages.count(1)
        expect(message).toMatchObject({ retain: true })
        await station.publish(`${prefix}/kept`, '', 1, true)
      })

      it('gets again, as duplicates with the same packet ids, what was not acknowledged', async () => {
        const clientId = `again-${prefix}`
        const first = start({ clientId, acknowledge: false })
        await first.up()
        await first.subscribe(`${prefix}/again`)
        for (const text of ['a', 'b', 'c']) await first.publish(`${prefix}/again`, text)
        const before = [...(await first.messages.count(3))]
        // Only the second and third are released: none may be acknowledged before the first.
        first.broker.acknowledge(before[2]!)
        first.broker.acknowledge(before[1]!)
        await first.stop()
        expect(first.broker.counters.acknowledged).toBe(0)

        const second = start({ clientId })
        const after = await second.messages.count(3)
        expect(second.links.items[0]).toMatchObject({ state: 'online', sessionPresent: true })
        expect(after.map((message) => [message.dup, message.packetId, textOf(message)])).toEqual(
          before.map((message) => [true, message.packetId, textOf(message)]),
        )
      })

      it('forgets nothing that was acknowledged, in whatever order the engine was done', async () => {
        const clientId = `order-${prefix}`
        const first = start({ clientId, acknowledge: false })
        await first.up()
        await first.subscribe(`${prefix}/order`)
        for (let index = 0; index < 100; index++) void first.publish(`${prefix}/order`, String(index))
        const all = [...(await first.messages.count(100))]
        const [kept, ...rest] = all.toReversed()
        for (const message of rest) first.broker.acknowledge(message)
        await first.stop()
        expect(first.broker.counters.acknowledged).toBe(99)

        const second = start({ clientId })
        const [again] = await second.messages.count(1)
        expect(textOf(again!)).toBe(textOf(kept!))
      })

      it('is sent what came while it was away', async () => {
        const clientId = `away-${prefix}`
        const first = start({ clientId })
        await first.up()
        await first.subscribe(`${prefix}/away`)
        await first.stop()
        const other = start()
        await other.up()
        for (const text of ['one', 'two']) await other.publish(`${prefix}/away`, text)
        const second = start({ clientId })
        expect((await second.messages.count(2)).map(textOf)).toEqual(['one', 'two'])
        expect(second.links.items[0]).toMatchObject({ state: 'online', sessionPresent: true })
      })

      it('really subscribes again, so that retained messages are replayed', async () => {
        const station = start()
        await station.up()
        await station.publish(`${prefix}/twice`, 'x', 1, true)
        await station.subscribe(`${prefix}/twice`)
        await station.subscribe(`${prefix}/twice`)
        expect((await station.messages.count(2)).every((message) => message.retain)).toBe(true)
        await station.publish(`${prefix}/twice`, '', 1, true)
      })

      it('subscribes to thousands of filters, in order, numbers among them, and tells of bad ones', async () => {
        const station = start()
        await station.up()
        const filters = [
          '9',
          '1',
          'a/#/b',
          ...Array.from({ length: 2_000 }, (_, index) => `${prefix}/many/${index}`),
        ]
        const outcomes = await station.subscribe(...filters)
        expect(outcomes.map((outcome) => outcome.filter)).toEqual(filters)
        expect(outcomes.filter((outcome) => !outcome.granted)).toEqual([
          { filter: 'a/#/b', granted: false, message: expect.stringContaining('#') },
        ])
        await station.publish(`${prefix}/many/1999`, 'x')
        await station.messages.count(1)
      })

      it('stops receiving what it unsubscribed from', async () => {
        const station = start()
        await station.up()
        await station.subscribe(`${prefix}/un/a`, `${prefix}/un/b`)
        await station.broker.unsubscribe([`${prefix}/un/a`])
        await station.publish(`${prefix}/un/a`, 'x')
        await station.publish(`${prefix}/un/b`, 'x')
        await station.messages.count(1)
        expect(station.topics()).toEqual([`${prefix}/un/b`])
      })

      it('refuses illegal topics at once and stays connected', async () => {
        const station = start()
        await station.up()
        for (const topic of ['a/#', 'a/+/b', 'a\u0000b', '', 'a\nb']) {
          expect(await station.publish(topic, 'x')).toMatchObject({ ok: false, kind: 'permanent' })
        }
        expect(await station.publish(`${prefix}/fine`, 'x')).toEqual({ ok: true })
        expect(station.outgoing.items).toHaveLength(1)
      })

      it('carries a topic of 60,000 bytes and a payload of 1 MiB', async () => {
        const station = start()
        await station.up()
        await station.subscribe(`${prefix}/big/#`)
        const topic = `${prefix}/big/${'ä'.repeat(30_000)}`
        const payload = Buffer.alloc(1_048_576, 'p')
        expect(await station.broker.publish({ topic, payload, qos: 1, retain: false })).toEqual({ ok: true })
        const [message] = await station.messages.count(1)
        expect(message!.topic).toBe(topic)
        expect(Buffer.from(message!.payload).equals(payload)).toBe(true)
      })

      it('publishes thousands in order within a bounded window', async () => {
        const station = start()
        await station.up()
        await station.subscribe(`${prefix}/rush`)
        const outcomes = await Promise.all(
          Array.from({ length: 5_000 }, (_, index) => station.publish(`${prefix}/rush`, String(index))),
        )
        expect(outcomes.every((outcome) => outcome.ok)).toBe(true)
        const all = await station.messages.count(5_000)
        expect(all.map(textOf)).toEqual(Array.from({ length: 5_000 }, (_, index) => String(index)))
      })

      it('says online while it runs and offline when it stops', async () => {
        const topic = `${prefix}/status`
        const watcher = start()
        await watcher.up()
        await watcher.subscribe(topic)
        const station = start({ statusTopic: topic })
        await watcher.messages.first('online', (message) => textOf(message) === 'online')
        await station.up()
        await station.stop()
        await watcher.messages.first('offline', (message) => textOf(message) === 'offline')
        expect(watcher.messages.items.map(textOf)).toEqual(['online', 'offline'])
      })
    })
  }

  describe('over MQTT 5', () => {
    it('is what is tried first', async () => {
      const station = startStation({ url: mosquitto.url })
      await station.up()
      expect(station.links.items).toMatchObject([{ state: 'online', protocolVersion: 5 }])
    })

    it('carries properties both ways', async () => {
      const station = startStation({ url: mosquitto.url, protocol: '5' })
      await station.up()
      await station.subscribe('props')
      const properties = {
        contentType: 'text/plain',
        responseTopic: 'answers/1',
        correlationData: Buffer.from([1, 2, 3]),
        payloadFormatIndicator: true,
        userProperties: [
          ['b', '1'],
          ['a', '2'],
          ['b', '3'],
        ] as const,
      }
      await station.broker.publish({
        topic: 'props',
        payload: Buffer.from('x'),
        qos: 1,
        retain: false,
        properties,
      })
      const [message] = await station.messages.count(1)
      expect(message!.properties).toEqual(properties)
    })

    it('tells by subscription identifiers which of overlapping filters a copy is for', async () => {
      const station = startStation({ url: mosquitto.url, protocol: '5' })
      await station.up()
      await station.broker.subscribe([
        { filter: 'ids/+', qos: 1, id: 1, retainHandling: 0 },
        { filter: 'ids/#', qos: 1, id: 300, retainHandling: 0 },
        { filter: 'ids/a', qos: 0, id: 1, retainHandling: 0 },
      ])
      await station.publish('ids/a', 'x')
      const messages = await station.messages.count(3)
      expect(messages.flatMap((message) => message.subscriptionIds ?? []).sort((a, b) => a - b)).toEqual([
        1, 1, 300,
      ])
    })

    it('can ask for replays of new subscriptions only', async () => {
      const station = startStation({ url: mosquitto.url, protocol: '5' })
      await station.up()
      await station.publish('rh', 'kept', 1, true)
      const request = { filter: 'rh', qos: 1 as const, retainHandling: 1 as const }
      await station.broker.subscribe([request])
      await station.broker.subscribe([request])
      await station.publish('rh', 'live')
      await station.messages.first('the live one', (message) => textOf(message) === 'live')
      expect(station.messages.items.map(textOf)).toEqual(['kept', 'live'])
    })
  })
})

describe('with the embedded broker', () => {
  let embedded: EmbeddedBroker
  beforeAll(async () => {
    embedded = await startEmbeddedBroker({ port: 0 })
  })
  afterAll(() => embedded.close())

  it('falls back to 3.1.1, which is all it speaks, and remembers that', async () => {
    const station = startStation({ url: embedded.url })
    await station.up()
    expect(station.links.items).toEqual([
      { state: 'online', sessionPresent: false, protocolVersion: 4, subscriptionIdentifiers: false },
    ])
    await station.subscribe('a/+')
    await station.publish('a/b', 'zero', 0)
    await station.publish('a/b', 'one', 1)
    expect((await station.messages.count(2)).map(textOf)).toEqual(['zero', 'one'])
  })

  it('says in words that it does not speak MQTT 5', async () => {
    const station = startStation({ url: embedded.url, protocol: '5' })
    expect(await station.failure('protocol')).toMatchObject({
      message: expect.stringContaining('version of MQTT'),
    })
  })

  it('keeps a session for a client that comes back', async () => {
    const clientId = 'comes-back'
    const first = startStation({ url: embedded.url, clientId, acknowledge: false })
    await first.up()
    await first.subscribe('session/#')
    await first.publish('session/1', 'x')
    await first.messages.count(1)
    await first.stop()
    const second = startStation({ url: embedded.url, clientId })
    const [message] = await second.messages.count(1)
    // aedes sends it again without DUP, against [MQTT-3.3.1-1].
    expect(message).toMatchObject({ topic: 'session/1', qos: 1 })
  })

  it('takes the next port when the wanted one is taken', async () => {
    const other = await startEmbeddedBroker({ port: embedded.port })
    expect(other.port).toBeGreaterThan(embedded.port)
    expect(other.port).toBeLessThan(embedded.port + 20)
    await within(2_000, 'the broker to close', other.close())
  })
})
