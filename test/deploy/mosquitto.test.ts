/** The broker settings that are shipped: who gets in, who may speak where, and what outlives a crash of the broker. */
import { statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { waitFor } from '../support/wait-for.ts'
import { canRun, hasSqlite, type ShippedMosquitto, startShippedMosquitto } from './shipped-mosquitto.ts'

describe.skipIf(!canRun)('mosquitto with the shipped settings', () => {
  let broker: ShippedMosquitto
  beforeAll(async () => {
    broker = await startShippedMosquitto()
  })
  afterAll(() => broker.close())

  it('reads every setting without complaint', () => {
    expect(broker.log).toMatch(/mosquitto version .* running/)
    expect(broker.log).not.toMatch(/error|unknown|invalid/i)
  })

  it('lets nobody in without the right password', async () => {
    const refused = /not authorized/i
    await expect(broker.connect(null)).rejects.toThrow(refused)
    await expect(broker.connect('tocsin', { password: 'wrong' })).rejects.toThrow(refused)
    await expect(broker.connect('tocsin', { username: 'admin' })).rejects.toThrow(refused)
    await expect(broker.connect(null, { protocolVersion: 4 })).rejects.toThrow(refused)
  })

  it('keeps each device to its own topics', async () => {
    const tocsin = await broker.connect('tocsin')
    const one = await broker.connect('device-1')
    const two = await broker.connect('device-2')
    await tocsin.client.subscribeAsync('#', { qos: 1 })
    await two.client.subscribeAsync('#', { qos: 1 })

    // A connection of its own: Mosquitto 2.0.11 acknowledges what it refuses, and then ends the connection.
    const forger = await broker.connect('device-1', { protocolVersion: 4 })
    await forger.client.publishAsync('sensors/device-2/temperature', '99', { qos: 1 })
    forger.client.end(true)
    await one.client.publishAsync('sensors/device-1/temperature', '21', { qos: 1 })
    await tocsin.client.publishAsync('sensors/device-1/alert', 'warm', { qos: 1 })
    await tocsin.client.publishAsync('commands/device-2/lamp', 'on', { qos: 1 })

    expect(await tocsin.heard.count(3)).toEqual([
      'sensors/device-1/temperature 21',
      'sensors/device-1/alert warm',
      'commands/device-2/lamp on',
    ])
    // The command was the last that was said: had the rest been for this device, it would have come before.
    expect(await two.heard.count(1)).toEqual(['commands/device-2/lamp on'])
    for (const { client } of [tocsin, one, two]) await client.endAsync()
  })

  it('lets Tocsin read the topics of the broker itself, and not write them', async () => {
    const { client, heard } = await broker.connect('tocsin')
    await client.subscribeAsync('$SYS/broker/version')
    expect(await heard.count(1)).toEqual([expect.stringMatching(/^\$SYS\/broker\/version mosquitto version/)])
    const forged = client.publishAsync('$SYS/broker/version', 'mine', { qos: 1 })
    await expect(forged).rejects.toThrow(/not authorized/i)
    await client.endAsync()
  })

  it('gives a client room for batches, and says how large a packet may be', async () => {
    const { client, greeting } = await broker.connect('device-1')
    expect(greeting.properties).toMatchObject({ receiveMaximum: 1_000, maximumPacketSize: 1_048_576 })
    const ended = new Promise((resolve) => client.once('close', () => resolve('ended')))
    client.publish('sensors/device-1/image', Buffer.alloc(1_048_576))
    expect(await ended).toBe('ended')
  })
})

describe.skipIf(!canRun)('what waits for a session that is away, when mosquitto is killed', () => {
  const session = { clientId: 'tocsin-1', clean: false, properties: { sessionExpiryInterval: 3_600 } }
  let broker: ShippedMosquitto
  beforeAll(async () => {
    broker = await startShippedMosquitto()
    const { client } = await broker.connect('tocsin', session)
    await client.subscribeAsync('sensors/#', { qos: 1 })
    await client.endAsync()
  })
  afterAll(() => broker.close())

  /** Resolves once the broker has acknowledged every one of them. */
  async function publish(texts: readonly string[]): Promise<void> {
    const { client } = await broker.connect('device-1')
    for (const text of texts) await client.publishAsync('sensors/device-1/n', text, { qos: 1 })
    client.end(true)
  }

  async function comeBack(count: number): Promise<readonly string[]> {
    await broker.start()
    const { client, heard } = await broker.connect('tocsin', session)
    const came = await heard.count(count)
    await client.endAsync()
    return came
  }

  const expected = (texts: readonly string[]) => texts.map((text) => `sensors/device-1/n ${text}`)

  it('is there again once it has been saved', async () => {
    await publish(['a', 'b', 'c'])
    if (!hasSqlite) {
      const database = path.join(broker.directory, 'data/mosquitto.db')
      const acknowledgedAtMs = Date.now()
      await waitFor('mosquitto to save', () => {
        const savedAtMs = statSync(database, { throwIfNoEntry: false })?.mtimeMs ?? 0
        return savedAtMs > acknowledgedAtMs
      })
    }
    await broker.kill()
    expect(await comeBack(3)).toEqual(expected(['a', 'b', 'c']))
  })

  it.runIf(hasSqlite)('is there again at once, with the settings for Mosquitto 2.1', async () => {
    const texts = Array.from({ length: 500 }, (_, index) => `now-${index}`)
    await publish(texts)
    await broker.kill()
    expect(await comeBack(texts.length)).toEqual(expected(texts))
  })
})
