/** Mosquitto drops what its send buffer does not hold and takes it as sent; a new connection brings it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'
import { startStation, stopStations } from './station.ts'

describe.skipIf(!hasMosquitto)('a broker that dropped what it was to deliver', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto({ lines: ['max_inflight_messages 1000', 'max_queued_messages 5'] })
  })
  afterEach(stopStations)
  afterAll(() => mosquitto.close())

  it.each(['3.1.1', '5'] as const)('sends it again over a new connection, MQTT %s', async (protocol) => {
    const station = startStation({ url: mosquitto.url, protocol, clientId: `stalled-${protocol}` })
    const other = startStation({ url: mosquitto.url })
    await Promise.all([station.up(), other.up()])
    const topic = `stalled/${protocol}`
    await station.subscribe(topic)
    station.broker.pause()
    const payload = Buffer.alloc(500_000)
    for (let index = 0; index < 40; index++) {
      payload[0] = index
      await other.broker.publish({ topic, payload, qos: 1, retain: false })
    }
    station.broker.resume()
    const arrived = () => new Set(station.messages.items.map(({ payload: [first] }) => first)).size
    /** Until the send buffer has room, what is published is dropped as well. */
    const deliversAgain = async () => {
      const known = station.messages.items.length
      await waitFor('a later message', async () => {
        await other.publish(topic, 'later')
        return station.messages.items.slice(known).some(({ payload: { length } }) => length < 10)
      })
    }
    await deliversAgain()
    // What came later is here, and what was dropped is not.
    expect(arrived()).toBeLessThan(40)
    // Only a part fits into the send buffer at a time, so it takes several connections.
    for (let round = 0; arrived() < 41 && round < 40; round++) {
      const before = station.links.items.length
      station.broker.renew?.()
      await station.links.until('the link to be up again', (links) => links.length >= before + 2)
      await deliversAgain()
    }
    // Forty, and what begins with an l.
    expect(arrived()).toBe(41)
    expect(station.links.items[1]).toMatchObject({ state: 'offline', failure: { reason: 'timeout' } })
  })
})
