/** The world of rule tests: bounded, deterministic, and as the engine would be in production. */
import { describe, expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

describe('bounds', () => {
  test('rules that feed each other end in words', async () => {
    const { send } = await openWorld(`
rules:
  - { id: ping, topic: +x/ping, then: [{ publish: { topic: "{{ x }}/pong", payload: "{{ payload | plus: 1 }}" } }] }
  - { id: pong, topic: +x/pong, then: [{ publish: { topic: "{{ x }}/ping", payload: "{{ payload | plus: 1 }}" } }] }
`)
    await expect(send('a/ping', 1)).rejects.toThrow(/rules feed each other without end: .* a\/p[io]ng/)
  })

  test('so do those that keep state', async () => {
    const { send } = await openWorld(`
rules:
  - id: flip
    topic: flip
    when: payload == 'on'
    then: [{ publish: { topic: flip, payload: "off" } }]
    resolved: [{ publish: { topic: flip, payload: "on" } }]
`)
    await expect(send('flip', 'on')).rejects.toThrow(/without end/)
  })

  test('many messages that come at once are no loop', async () => {
    const { world, send, published } = await openWorld(`
rules:
  - { id: copy, topic: in/+id, when: payload > 0, alert: { summary: x }, then: [{ publish: { topic: "out/{{ id }}", payload: x } }] }
`)
    await world.setLink(false)
    for (let count = 0; count < 12_000; count++) {
      world
        .broker()
        .receive({ topic: `in/${count % 9_000}`, payload: Buffer.from('1'), qos: 1, retain: false })
    }
    await world.setLink(true)
    await send('in/9999', 1)
    expect(published()).toHaveLength(9_001)
  })
})

describe('determinism', () => {
  test('the same inputs give the same outputs, whatever is killed between', async () => {
    const rules = `
calendars: { day: { from: "08:00", to: "20:00" } }
rules:
  - id: hot
    topic: s/+id
    value: payload.t
    when: value > 20
    for: 30s
    clear: { for: 40s }
    alert: { summary: x }
    then: [{ publish: { topic: "rise/{{ id }}", payload: "{{ value }} {{ now }}" } }]
    resolved: [{ publish: { topic: "fall/{{ id }}", payload: "{{ value }} {{ now }}" } }]
  - id: silent
    topic: s/+id
    absent: { for: 2m }
    during: day
    alert: { summary: x }
    then: [{ publish: { topic: "silent/{{ id }}", payload: "{{ prev.age }} {{ now }}" } }]
  - id: mean
    topic: s/+id
    value: payload.t
    window: { over: 3m, min: 2 }
    throttle: 1m
    then: [{ publish: { topic: "mean/{{ id }}", payload: "{{ window.avg }}" } }]
`
    const play = async (seed: number, restarts: boolean) => {
      const random = generator(seed)
      const { world, send, published, states } = await openWorld(rules)
      const seen: string[] = []
      for (let count = 0; count < 150; count++) {
        await world.advance(Math.floor(random() * 60_000))
        const id = 'abc'.charAt(Math.floor(random() * 3))
        const t = random() < 0.1 ? {} : { t: Math.floor(random() * 40) }
        await send(`s/${id}`, t)
        const restart = random() < 0.1
        if (restart && restarts) await world.restart()
        seen.push(...published(), ...(await states()))
      }
      return seen
    }
    for (const seed of [1, 2, 3]) {
      const once = await play(seed, false)
      expect(once.length).toBeGreaterThan(100)
      expect(await play(seed, false)).toEqual(once)
      expect(await play(seed, true)).toEqual(once)
    }
  })
})

/** A small generator of the same numbers every time (mulberry32). */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
