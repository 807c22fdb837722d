/** What waits for a broker that is away: bounds, rules that are edited meanwhile, messages whose time is up. */
import { expect, test, vi } from 'vitest'
import { createStore } from '../../src/stores/index.ts'
import { VirtualWorld } from '../../src/tools/test/virtual-world.ts'
import { programFrom } from '../support/virtual-world.ts'

const rules = (queue: string, topic = 'up') => `
brokers: { near: { url: mqtt://127.0.0.1:1 }, far: { url: mqtt://127.0.0.1:2 } }
rules:
  - { id: ${topic}, broker: near, topic: ${topic}, then: [{ forward: { to: far, queue: ${queue} } }] }
`
const bytes = (text: string) => Buffer.from(text)

async function open(yaml: string) {
  const world = new VirtualWorld({
    program: programFrom(yaml),
    brokers: ['near', 'far'],
    store: createStore('memory'),
    startMs: Date.UTC(2026, 0, 1),
  })
  await world.start()
  const sendMany = async (topic: string, from: number, to: number) => {
    for (let number = from; number <= to; number++)
      await world.send({ broker: 'near', topic, payload: bytes(String(number)) })
  }
  const forwarded = () => world.take().forward.map(({ message }) => Number(Buffer.from(message.payload)))
  const status = async () => {
    const asked = await world.engine.control.status()
    if (!asked.ok) throw new Error(asked.error.message)
    return asked.value
  }
  return { world, sendMany, forwarded, status }
}

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('the oldest go: what is left is the latest, in order; told once and counted per line', async () => {
  const { world, sendMany, forwarded, status } = await open(rules('{ max: 50 }'))
  await world.setLink(false, 'far')
  await sendMany('up', 1, 200)
  expect((await status()).outbox['forward:far/up']).toBe(50)
  expect((await status()).outbox_dropped).toEqual({ 'forward:far/up': 150 })
  expect((await status()).counters.outbox_dropped).toBe(150)
  const told = world.take().troubles.map(({ message }) => message)
  expect(told).toEqual([
    expect.stringMatching(/^More than 50 messages wait on forward:far\/up: the oldest \d were dropped\.$/),
  ])
  await world.setLink(true, 'far')
  await world.advance(60_000)
  expect(forwarded()).toEqual(numbers(151, 200))
})

test('the newest go: what came first is kept, and there is room again once it has left', async () => {
  const { world, sendMany, forwarded, status } = await open(rules('{ max: 50, drop: newest }'))
  await world.setLink(false, 'far')
  await sendMany('up', 1, 200)
  expect((await status()).outbox_dropped).toEqual({ 'forward:far/up': 150 })
  expect(world.take().troubles[0]?.message).toContain('the newest 1 were dropped')
  await world.setLink(true, 'far')
  await world.advance(60_000)
  expect(forwarded()).toEqual(numbers(1, 50))
  await sendMany('up', 201, 202)
  expect(forwarded()).toEqual([201, 202])
})

test('a queue that is made shorter gives up what is too much; longer, it takes more', async () => {
  const { world, sendMany, forwarded } = await open(rules('{ max: 50 }'))
  await world.setLink(false, 'far')
  await sendMany('up', 1, 50)
  await world.reload(programFrom(rules('{ max: 10 }')))
  await sendMany('up', 51, 52)
  await world.reload(programFrom(rules('{ max: 100, drop: newest }')))
  await sendMany('up', 53, 60)
  await world.setLink(true, 'far')
  await world.advance(60_000)
  expect(forwarded()).toEqual(numbers(43, 60))
})

test('what waits of a rule that is gone leaves all the same, also after a restart', async () => {
  const { world, sendMany, forwarded, status } = await open(rules('{ max: 50 }'))
  await world.setLink(false, 'far')
  await sendMany('up', 1, 3)
  await world.reload(programFrom(rules('{ max: 50 }', 'other')))
  await world.restart(0, programFrom(rules('{ max: 50 }', 'other')))
  expect((await status()).outbox['forward:far/up']).toBe(3)
  await world.setLink(true, 'far')
  await world.advance(60_000)
  expect(forwarded()).toEqual([1, 2, 3])
})

test('a message whose time is up while it waits is not sent; another has less time left', async () => {
  const { world, status } = await open(rules('{ max: 50 }'))
  await world.setLink(false, 'far')
  for (const messageExpiryInterval of [10, 100]) {
    await world.send({
      broker: 'near',
      topic: 'up',
      payload: bytes('x'),
      properties: { messageExpiryInterval },
    })
  }
  await world.advance(30_000)
  const publish = vi.spyOn(world.broker('far'), 'publish')
  await world.setLink(true, 'far')
  await world.advance(60_000)
  const sent = publish.mock.calls.map(([{ topic, properties }]) => [topic, properties?.messageExpiryInterval])
  expect(sent.filter(([topic]) => topic === 'up')).toEqual([['up', 70]])
  expect((await status()).counters.expired).toBe(1)
})

test('a broker that is away from the start holds nobody up: others forward, and timers wait half a minute at most', async () => {
  const yaml = `
brokers: { near: { url: mqtt://127.0.0.1:1 }, far: { url: mqtt://127.0.0.1:2 } }
rules:
  - { id: up, broker: near, topic: up, then: [{ forward: { to: far } }] }
  - { id: copy, broker: near, topic: up, then: [{ forward: { to: near, prefix: copy } }] }
  - { id: down, broker: far, topic: down, then: [{ forward: { to: near } }] }
  - { id: held, broker: near, topic: held, when: payload > 1, for: 5s, then: [{ publish: { topic: rose, payload: x } }] }
`
  const world = new VirtualWorld({
    program: programFrom(yaml),
    brokers: ['near', 'far'],
    store: createStore('memory'),
    startMs: Date.UTC(2026, 0, 1),
  })
  world.broker('far').setLink(false)
  await world.start()
  await world.send({ broker: 'near', topic: 'up', payload: bytes('1') })
  await world.send({ broker: 'near', topic: 'held', payload: bytes('2') })
  expect(world.take().forward.map(({ broker, message }) => `${broker} ${message.topic}`)).toEqual([
    'near copy/up',
  ])
  await world.advance(29_000)
  expect(world.take().publish).toEqual([])
  await world.advance(2_000)
  expect(world.take().publish.map(({ message }) => message.topic)).toEqual(['rose'])
  await world.setLink(true, 'far')
  await world.advance(60_000)
  expect(world.take().forward.map(({ broker, message }) => `${broker} ${message.topic}`)).toEqual(['far up'])
})
