import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { hasMosquitto, type Mosquitto, startMosquitto } from '../support/mosquitto.ts'
import { waitFor } from '../support/wait-for.ts'
import { startStation, stopStations } from './station.ts'

describe.skipIf(!hasMosquitto)('a paused broker', () => {
  let mosquitto: Mosquitto
  beforeAll(async () => {
    mosquitto = await startMosquitto({ lines: ['max_inflight_messages 1000', 'log_type all'] })
  })
  afterEach(stopStations)
  afterAll(() => mosquitto.close())

  it('stays up for longer than the keepalive with either version, and goes on afterwards', async () => {
    const paused = (['3.1.1', '5'] as const).map((protocol) => ({
      topic: `pause/${protocol}`,
      station: startStation({
        url: mosquitto.url,
        protocol,
        clientId: `paused-${protocol}`,
        keepaliveSeconds: 1,
      }),
    }))
    const idle = startStation({ url: mosquitto.url, clientId: 'idle', keepaliveSeconds: 1 })
    const other = startStation({ url: mosquitto.url })
    await other.up()
    for (const { station, topic } of paused) {
      await station.up()
      await station.subscribe(topic)
      station.broker.pause()
      // More than the buffers of the sockets hold, so that answers to pings are stuck behind it.
      const payload = Buffer.alloc(500_000)
      for (let index = 0; index < 20; index++) {
        await other.broker.publish({ topic, payload, qos: 1, retain: false })
      }
    }
    // Three pings with a keepalive of 1 s; broker and client each give up after 1.5 s without one.
    for (const clientId of ['paused-3.1.1', 'paused-5', 'idle']) {
      const pings = new RegExp(`Received PINGREQ from ${clientId}$`, 'gm')
      await waitFor('three pings', () => (mosquitto.log.match(pings)?.length ?? 0) >= 3, 8_000)
    }
    expect(idle.links.items).toHaveLength(1)
    for (const { station, topic } of paused) {
      expect(station.messages.items.length).toBeLessThan(20)
      station.broker.resume()
      await station.messages.count(20)
      expect(station.links.items).toHaveLength(1)
      expect(await station.subscribe(`${topic}/more`)).toMatchObject([{ granted: true }])
    }
  })
})
