/** A broker is held back when what it sends can go nowhere: neither to its target nor to the disk. */
import { expect, test } from 'vitest'
import type { Commit } from '../../src/ports/store.ts'
import { createStore } from '../../src/stores/index.ts'
import { VirtualWorld } from '../../src/tools/test/virtual-world.ts'
import { programFrom } from '../support/virtual-world.ts'

const rules = `
brokers: { default: { url: mqtt://localhost }, far: { url: mqtt://localhost } }
rules:
  - { id: up, topic: "up/#", then: [{ forward: { to: far, queue: { max: 100000 } } }] }
`

test('what waits for a full disk is bounded, also at QoS 0; it goes on once there is room', async () => {
  const store = createStore('memory')
  const commit = store.commit.bind(store)
  let isFull = false
  store.commit = async (given: Commit) =>
    isFull
      ? { ok: false, failure: { reason: 'full', message: 'The disk is full.', help: 'Make room.' } }
      : commit(given)
  const world = new VirtualWorld({
    program: programFrom(rules),
    brokers: ['default', 'far'],
    store,
    startMs: Date.UTC(2026, 0, 1),
  })
  await world.start()
  await world.setLink(false, 'far')
  const broker = world.broker()
  let isHeld = false
  broker.pause = () => {
    isHeld = true
  }
  broker.resume = () => {
    isHeld = false
  }
  isFull = true
  let sent = 0
  for (; !isHeld && sent < 20_000; sent += 500) {
    for (let n = 0; n < 500; n++)
      broker.receive({ topic: 'up/a', payload: Buffer.from('x'), qos: 0, retain: false })
    await new Promise((resolve) => setImmediate(resolve))
  }
  expect(isHeld).toBe(true)
  expect(sent).toBeLessThan(6_000)
  isFull = false
  await world.advance(10_000)
  expect(isHeld).toBe(false)
  expect(world.engine.backlog()).toMatchObject({ events: 0, outgoing: { 'forward:far/up': sent } })
})
