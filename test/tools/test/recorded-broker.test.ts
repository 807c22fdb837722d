/** The broker in memory does what a broker does: held against what MQTT 5 asks of one. */
import { describe, expect, test } from 'vitest'
import type { InboundMessage, LinkState } from '../../../src/ports/broker.ts'
import { loopLimit, RecordedBroker } from '../../../src/tools/test/recorded-broker.ts'

async function connected(
  filters: Readonly<Record<string, { qos?: 0 | 1; id?: number; rh?: 0 | 1 | 2 }>> = {},
) {
  const published: string[] = []
  const messages: InboundMessage[] = []
  const links: LinkState[] = []
  const broker = new RecordedBroker(
    'default',
    () => 7,
    ({ topic }) => published.push(topic),
  )
  const sink = {
    messages: (batch: readonly InboundMessage[]) => void messages.push(...batch),
    link: (state: LinkState) => void links.push(state),
  }
  broker.start(sink)
  await Promise.resolve()
  const subscribe = (wanted: typeof filters) =>
    broker.subscribe(
      Object.entries(wanted).map(([filter, { qos = 1, id, rh = 1 }]) => ({
        filter,
        qos,
        id,
        retainHandling: rh,
      })),
    )
  await subscribe(filters)
  const seen = () =>
    messages.splice(0).map(({ topic, qos, retain, dup, payload }) => {
      const marks = `${retain ? ' retained' : ''}${dup ? ' dup' : ''}`
      return `${topic} ${Buffer.from(payload).toString()} qos ${qos}${marks}`
    })
  const receive = (topic: string, payload: string, more: { qos?: 0 | 1; retain?: boolean } = {}) =>
    broker.receive({ topic, payload: Buffer.from(payload), qos: 1, retain: false, ...more })
  return { broker, sink, published, messages, links, seen, receive, subscribe }
}

describe('subscriptions', () => {
  test('bring what matches, at the lower QoS', async () => {
    const { receive, seen } = await connected({ 'a/+': { qos: 1 }, b: { qos: 0 } })
    receive('a/1', 'x')
    receive('a/1', 'y', { qos: 0 })
    receive('b', 'z')
    receive('c', '-')
    expect(seen()).toEqual(['a/1 x qos 1', 'a/1 y qos 0', 'b z qos 0'])
  })

  test('that overlap bring a copy each, with the identifier of each', async () => {
    const { receive, messages } = await connected({ 'a/+': { id: 3 }, 'a/#': { id: 4 } })
    receive('a/1', 'x')
    expect(messages.map(({ subscriptionIds }) => subscriptionIds)).toEqual([[3], [4]])
  })

  test('a wildcard does not match topics that begin with $', async () => {
    const { receive, seen } = await connected({ '#': {} })
    receive('$SYS/x', 'x')
    expect(seen()).toEqual([])
  })

  test('end', async () => {
    const { broker, receive, seen } = await connected({ a: {} })
    await broker.unsubscribe(['a'])
    receive('a', 'x')
    expect(seen()).toEqual([])
  })
})

describe('retained messages', () => {
  test('come marked to new subscriptions, unmarked to old ones', async () => {
    const { receive, seen, subscribe } = await connected({ a: {} })
    receive('a', '1', { retain: true })
    receive('b', '2', { retain: true })
    expect(seen()).toEqual(['a 1 qos 1'])
    await subscribe({ b: {} })
    expect(seen()).toEqual(['b 2 qos 1 retained'])
  })

  test('come again as retain handling says', async () => {
    const { receive, seen, subscribe } = await connected({ a: {} })
    receive('a', '1', { retain: true })
    seen()
    await subscribe({ a: { rh: 1 } })
    expect(seen()).toEqual([])
    await subscribe({ a: { rh: 0 } })
    expect(seen()).toEqual(['a 1 qos 1 retained'])
    await subscribe({ '+': { rh: 2 } })
    expect(seen()).toEqual([])
  })

  test('go with an empty payload', async () => {
    const { receive, seen, subscribe } = await connected()
    receive('a', '1', { retain: true })
    receive('a', '', { retain: true })
    await subscribe({ a: {} })
    expect(seen()).toEqual([])
  })
})

describe('the session', () => {
  test('keeps QoS 1 messages for a client that is away, and loses QoS 0 ones', async () => {
    const { broker, receive, seen, links } = await connected({ a: {} })
    broker.setLink(false)
    receive('a', '1')
    receive('a', '2', { qos: 0 })
    receive('a', '3')
    expect(seen()).toEqual([])
    broker.setLink(true)
    await Promise.resolve()
    expect(seen()).toEqual(['a 1 qos 1', 'a 3 qos 1'])
    expect(links.map(({ state }) => state)).toEqual(['online', 'offline', 'online'])
    expect(links.at(-1)).toMatchObject({ sessionPresent: true })
  })

  test('sends again, marked, what was not acknowledged', async () => {
    const { broker, receive, seen, messages } = await connected({ a: {} })
    receive('a', '1')
    receive('a', '2')
    const [first] = messages
    if (first !== undefined) broker.acknowledge(first)
    seen()
    broker.setLink(false)
    receive('a', '3')
    broker.setLink(true)
    await Promise.resolve()
    expect(seen()).toEqual(['a 2 qos 1 dup', 'a 3 qos 1'])
  })

  test('does not believe acknowledgements of an earlier connection', async () => {
    const { broker, receive, messages } = await connected({ a: {} })
    receive('a', '1')
    const [first] = messages
    broker.setLink(false)
    broker.setLink(true)
    await Promise.resolve()
    if (first !== undefined) broker.acknowledge(first)
    messages.length = 0
    broker.setLink(false)
    broker.setLink(true)
    await Promise.resolve()
    expect(messages).toHaveLength(1)
  })

  test('that was forgotten has nothing', async () => {
    const { broker, receive, seen, links } = await connected({ a: {} })
    broker.setLink(false)
    receive('a', '1')
    broker.forgetSession()
    broker.setLink(true)
    await Promise.resolve()
    receive('a', '2')
    expect(seen()).toEqual([])
    expect(links.at(-1)).toMatchObject({ sessionPresent: false })
  })
})

describe('what we publish', () => {
  const message = (topic: string) => ({ topic, payload: Buffer.from('x'), qos: 1 as const, retain: false })

  test('is recorded, but for our own topics, and comes back where we listen', async () => {
    const { broker, published, seen } = await connected({ '#': {}, 'tocsin/fence/x': {} })
    await broker.publish(message('a'))
    await broker.publish(message('tocsin/fence/x'))
    expect(published).toEqual(['a'])
    expect(seen()).toContain('a x qos 1')
    expect(seen()).toEqual([])
  })

  test('fails for a while when the link is down', async () => {
    const { broker, published } = await connected()
    broker.setLink(false)
    expect(broker.canPublish).toBe(false)
    expect(await broker.publish(message('a'))).toMatchObject({ ok: false, kind: 'temporary' })
    expect(published).toEqual([])
  })

  test('does not come back for ever', async () => {
    const { broker } = await connected({ a: {} })
    for (let count = 0; count < loopLimit; count++) await broker.publish(message('a'))
    expect(broker.settled()).toBeNull()
    for (let count = 0; count <= loopLimit; count++) await broker.publish(message('a'))
    expect(broker.settled()).toBe('a')
    expect(broker.settled()).toBeNull()
  })
})
