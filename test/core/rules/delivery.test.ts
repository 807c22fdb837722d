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

describe('joined values', () => {
  const joined = `
rules:
  - id: ask
    topic: ask
    with: { mode: { topic: mode, max_age: 1h } }
    then: [{ publish: { topic: answer, payload: "{{ with.mode.payload }} {{ with.mode.age }}" } }]
`
  const hour = 3_600_000

  test('a replay of what is known makes it no younger', async () => {
    const { world, send, published } = await openWorld(joined)
    await send('mode', 'away', { retain: true })
    await world.advance(hour / 2)
    await world.setLink(false)
    world.broker().forgetSession()
    await world.setLink(true)
    await send('ask', 1)
    expect(published()).toEqual([`answer away ${hour / 2}`])
    await world.advance(hour)
    await send('ask', 1)
    expect(published()).toEqual(['answer ? ?'])
  })

  test('a replay that says something else in a new session counts', async () => {
    const { world, send, published } = await openWorld(joined)
    await send('mode', 'away', { retain: true })
    await world.setLink(false)
    world.broker().forgetSession()
    world.broker().receive({ topic: 'mode', payload: Buffer.from('home'), qos: 1, retain: true })
    await world.setLink(true)
    await send('ask', 1)
    expect(published()).toEqual(['answer home 0'])
  })

  test('a replay is older than what came live', async () => {
    const { edit, send, published } = await openWorld(joined)
    await send('mode', 'away', { retain: true })
    await send('mode', 'home')
    // A wider filter asks for retained messages in the same session.
    await edit(
      `${joined}  - { id: wide, topic: +x, retained: process, when: retain, then: [{ publish: { topic: a/b, payload: "{{ payload }}" } }] }`,
    )
    await send('ask', 1)
    expect(published()).toEqual(['a/b away', 'answer home 0'])
  })
})

describe('what leaves', () => {
  test('leaves in the order in which it was decided, whether state was kept or not', async () => {
    const { world, published } = await openWorld(`
rules:
  - { id: state, topic: s/+id, when: payload > 1, alert: { summary: x }, then: [{ publish: { topic: out, payload: "{{ id }}" } }] }
  - { id: plain, topic: p/+id, then: [{ publish: { topic: out, payload: "{{ id }}" } }] }
`)
    const topics = ['p/1', 's/2', 'p/3', 's/4', 's/5', 'p/6']
    for (const topic of topics)
      world.broker().receive({ topic, payload: Buffer.from('2'), qos: 1, retain: false })
    await world.settle()
    expect(published()).toEqual(['out 1', 'out 2', 'out 3', 'out 4', 'out 5', 'out 6'])
  })
})
