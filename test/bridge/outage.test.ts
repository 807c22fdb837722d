/** A bridge both ways between real brokers, of which one is stopped and started while messages flow: the short form. */
import { setTimeout as after } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { startMosquitto } from '../support/mosquitto.ts'
import { connected, openBridge } from './support/bridge.ts'
import { bothWays, nearLatencies, Traffic } from './support/traffic.ts'

const ratePerSecond = 300

test('nothing is lost, nothing goes round, nothing changes places within a topic, and the near side never waits', async () => {
  const settings = { persistence: true, lines: ['max_queued_messages 0', 'max_inflight_messages 1000'] }
  const [near, far] = await Promise.all([startMosquitto(settings), startMosquitto(settings)])
  onTestFinished(async () => void (await Promise.all([near.close(), far.close()])))
  const bridge = await openBridge(`
brokers:
  near: { url: "${near.url}", client_id: bridge }
  far: { url: "${far.url}", client_id: bridge }
${bothWays}`)
  onTestFinished(() => bridge.stop())
  await connected(bridge, 'near', 'far')
  const traffic = await Traffic.connect(near.url, far.url)
  onTestFinished(() => traffic.end())
  traffic.flow(ratePerSecond)
  await after(500)
  await far.stop()
  const back = Promise.withResolvers<void>()
  const latencies = nearLatencies(near.url, 10, back.promise)
  await after(1_500)
  back.resolve()
  const took = await latencies
  await far.restart()
  await after(700)
  await traffic.rest()
  await traffic.settled(5_000)
  expect(traffic.tally()).toMatchObject({ lost: 0, reordered: 0, madeUp: 0 })
  expect(traffic.sent).toBeGreaterThan(ratePerSecond)
  expect(took.length).toBeGreaterThan(50)
  // Far below the second after which a message that waits for its broker moves to the outbox; single ones are late on
  // a machine that is busy with other things.
  expect(took[took.length >> 1]).toBeLessThan(500)
  expect(bridge.notices.items).toEqual([])
})
