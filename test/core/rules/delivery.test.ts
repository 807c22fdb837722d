/** What the broker sends again: redeliveries, replays of a new session, messages that overlap. */
import { describe, expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

const rules = `
rules:
  - id: count
    topic: s/+id
    window: { over: 1h }
    then: [{ publish: { topic: "count/{{ id }}", payload: "{{ window.count }}" } }]
  - id: state
    topic: s/+id
    when: payload > 10
    alert: { summary: x }
  - id: copy
    topic: s/+id
    then: [{ publish: { topic: "copy/{{ id }}", payload: "{{ payload }}" } }]
`

describe('a message whose acknowledgement was lost', () => {
  test('does nothing a second time when its state was kept', async () => {
    const { world, send, published } = await openWorld(rules)
    world.broker().loseAcknowledgements()
    await send('s/a', 20)
    expect(published()).toEqual(['count/a 1', 'copy/a 20'])
    await world.setLink(false)
    await world.setLink(true)
    expect(published()).toEqual([])
    expect(world.engine.counters.redelivered).toBe(1)
    await send('s/a', 20)
    expect(published()).toEqual(['count/a 2', 'copy/a 20'])
  })

  test('nor over a crash', async () => {
    const { world, send, published, states } = await openWorld(rules)
    world.broker().loseAcknowledgements()
    await send('s/a', 20)
    await world.restart()
    expect(published()).toEqual(['count/a 1', 'copy/a 20'])
    expect(world.engine.counters.redelivered).toBe(1)
    expect(await states()).toEqual(['state a firing'])
  })

  test('is the same only with the same packet id, content and mark', async () => {
    const { world, send, published } = await openWorld(rules)
    world.broker().loseAcknowledgements()
    await send('s/a', 20)
    // The broker forgets the session, and uses the packet ids from the start again.
    world.broker().forgetSession()
    await world.restart()
    await send('s/a', 20)
    expect(published().filter((text) => text.startsWith('count'))).toEqual(['count/a 1', 'count/a 2'])
    expect(world.engine.counters.redelivered).toBe(0)
  })

  test('twice on the way at once it is still one', async () => {
    const { world, published } = await openWorld(rules)
    const broker = world.broker()
    broker.loseAcknowledgements()
    // Both copies are in the engine's queue before it has looked at the first.
    broker.receive({ topic: 's/a', payload: Buffer.from('20'), qos: 1, retain: false })
    broker.setLink(false)
    broker.setLink(true)
    await world.settle()
    expect(published()).toEqual(['count/a 1', 'copy/a 20'])
  })
})

describe('replays of a new session', () => {
  const alone = `
rules:
  - id: state
    topic: s/+id
    when: payload > 10
    alert: { summary: x }
    resolved: [{ publish: { topic: "fall/{{ id }}", payload: "{{ payload }}" } }]
`

  test('are evaluated for keys that were not heard in it', async () => {
    const { world, send, states } = await openWorld(alone)
    await send('s/a', 20, { retain: true })
    await send('s/b', 20, { retain: true })
    await world.setLink(false)
    world.broker().receive({ topic: 's/a', payload: Buffer.from('5'), qos: 0, retain: true })
    world.broker().forgetSession()
    await world.setLink(true)
    expect(await states()).toEqual(['state b firing'])
  })

  test('are older than a live message, and then ignored', async () => {
    const { world, send, edit, published, states } = await openWorld(alone)
    await send('s/a', 20)
    // A filter that is new asks for its retained messages while the session goes on.
    world.broker().receive({ topic: 's/a', payload: Buffer.from('20'), qos: 1, retain: true })
    await world.settle()
    await send('s/a', 5)
    world.take()
    await edit(
      `${alone}  - { id: wide, topic: +x/+y, retained: process, then: [{ publish: { topic: a/b/c, payload: "{{ retain }}" } }] }`,
    )
    expect(published()).toEqual(['a/b/c true'])
    expect(await states()).toEqual([])
  })

  test('do not repeat commands', async () => {
    const { world, published } = await openWorld(rules)
    world.broker().receive({ topic: 's/a', payload: Buffer.from('5'), qos: 1, retain: true })
    await world.settle()
    published()
    world.broker().forgetSession()
    await world.setLink(false)
    await world.setLink(true)
    // The rule with a window has state: it looks at what is retained, though not into its window.
    expect(published()).toEqual(['count/a 1'])
  })
})
