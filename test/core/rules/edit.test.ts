/** Rules that are edited while they hold state: texts keep it, conditions restart holds, keys end it. */
import { describe, expect, test } from 'vitest'
import { openWorld } from '../../support/virtual-world.ts'

const minute = 60_000

function hot(lines: string): string {
  return `
rules:
  - id: hot
    topic: s/+id
    value: payload.t
    ${lines}
    then: [{ publish: { topic: "rise/{{ id }}", payload: "{{ value }}" } }]
    resolved: [{ publish: { topic: "fall/{{ id }}", payload: "{{ value }}" } }]
  - { id: other, topic: x, then: [{ publish: { topic: y, payload: z } }] }
`
}

const base = `when: value > 35
    for: 2m
    alert: { summary: x }`

describe('texts and actions', () => {
  test('keep a running hold', async () => {
    const { world, edit, send, published, states } = await openWorld(hot(base))
    await send('s/a', { t: 36 })
    await world.advance(minute)
    await edit(hot(base.replace('summary: x', 'severity: critical, summary: y')).replace('rise/', 'up/'))
    await world.advance(minute - 1)
    expect(await states()).toEqual(['hot a pending'])
    await world.advance(1)
    expect(await states()).toEqual(['hot a firing'])
    expect(published()).toEqual(['up/a 36'])
  })
})

describe('conditions', () => {
  test('restart a hold, on the latest reading', async () => {
    const { world, edit, send, published, states } = await openWorld(hot(base))
    await send('s/a', { t: 36 })
    await send('s/b', { t: 39 })
    await world.advance(minute)
    world.take()
    await edit(hot(base.replace('35', '37')))
    expect(world.take().transitions.map(({ key, from, to }) => `${key.id} ${from} ${to}`)).toEqual([
      'a pending inactive',
      'b pending inactive',
      'b inactive pending',
    ])
    await world.advance(2 * minute - 1)
    expect(await states()).toEqual(['hot b pending'])
    await world.advance(1)
    expect(await states()).toEqual(['hot b firing'])
    expect(published()).toEqual(['rise/b 39'])
  })

  test('keep what is open, and judge it by the next message', async () => {
    const { world, edit, send, published, states } = await openWorld(hot(base))
    await send('s/a', { t: 36 })
    await world.advance(2 * minute)
    await edit(hot(base.replace('35', '37')))
    expect(await states()).toEqual(['hot a firing'])
    expect(published()).toEqual(['rise/a 36'])
    await send('s/a', { t: 36 })
    expect(await states()).toEqual([])
    expect(published()).toEqual(['fall/a 36'])
  })

  test('restart a clearing', async () => {
    const clearing = `${base.replace('for: 2m', 'clear: { for: 5m }')}`
    const { world, edit, send, states } = await openWorld(hot(clearing))
    await send('s/a', { t: 36 })
    await send('s/a', { t: 20 })
    expect(await states()).toEqual(['hot a clearing'])
    await world.advance(4 * minute)
    await edit(hot(clearing.replace('5m', '10m')))
    await world.advance(10 * minute - 1)
    expect(await states()).toEqual(['hot a clearing'])
    await world.advance(1)
    expect(await states()).toEqual([])
  })

  test('restart a window', async () => {
    const window = `window: { over: 1h }
    when: window.count > 2
    alert: { summary: x }`
    const { edit, send, states } = await openWorld(hot(window))
    await send('s/a', { t: 1 })
    await send('s/a', { t: 1 })
    await edit(hot(window.replace('1h', '2h')))
    await send('s/a', { t: 1 })
    expect(await states()).toEqual([])
    await send('s/a', { t: 1 })
    await send('s/a', { t: 1 })
    expect(await states()).toEqual(['hot a firing'])
  })

  test('a rule that was edited while Tocsin was away restarts its hold too', async () => {
    const { world, send, states } = await openWorld(hot(base))
    await send('s/a', { t: 36 })
    await world.advance(minute)
    const { programFrom } = await import('../../support/virtual-world.ts')
    await world.restart(10 * minute, programFrom(hot(base.replace('for: 2m', 'for: 3m'))))
    await world.advance(3 * minute - 1)
    expect(await states()).toEqual(['hot a pending'])
    await world.advance(1)
    expect(await states()).toEqual(['hot a firing'])
  })
})

describe('what the state is about', () => {
  const ends = async (next: string) => {
    const opened = await openWorld(hot(base))
    await opened.send('s/a', { t: 36 })
    await opened.world.advance(2 * minute)
    opened.world.take()
    await opened.edit(next)
    const { transitions, publish } = opened.world.take()
    return {
      transitions: transitions.map(({ rule, to, because }) => [rule, to, because]),
      publish,
      ...opened,
    }
  }

  test('a removed rule ends its states', async () => {
    const { transitions, publish, states, edit, send } = await ends(
      hot(base).replace(/ {2}- id: hot[\s\S]*?(?= {2}- \{)/, ''),
    )
    expect(transitions).toEqual([['hot', 'inactive', 'rule_removed']])
    expect(publish).toEqual([])
    await edit(hot(base))
    expect(await states()).toEqual([])
    await send('s/a', { t: 36 })
    expect(await states()).toEqual(['hot a pending'])
  })

  test('a rule that is no longer enabled ends its states', async () => {
    const { transitions } = await ends(hot(`enabled: false\n    ${base}`))
    expect(transitions).toEqual([['hot', 'inactive', 'rule_removed']])
  })

  test('another key ends them', async () => {
    const { transitions, states, send } = await ends(hot(`key: { machine: payload.machine }\n    ${base}`))
    expect(transitions).toEqual([['hot', 'inactive', 'rule_removed']])
    await send('s/a', { t: 36, machine: 'm' })
    expect(await states()).toEqual(['hot m pending'])
  })

  test('another order of rules ends nothing', async () => {
    const { transitions, states } = await ends(
      `rules:\n  - { id: new, topic: new, then: [{ publish: { topic: a, payload: b } }] }\n${hot(base).replace('\nrules:\n', '')}`,
    )
    expect(transitions).toEqual([])
    expect(await states()).toEqual(['hot a firing'])
  })

  test('the one state of `key: {}` ends like any other', async () => {
    const { send, edit, world, states } = await openWorld(hot(`key: {}\n    ${base}`))
    await send('s/a', { t: 36 })
    expect(await states()).toEqual(['hot  pending'])
    await edit(hot(`key: {}\n    ${base}`).replace('id: hot', 'id: warm'))
    expect(world.take().transitions.map(({ rule, to }) => [rule, to])).toEqual([
      ['hot', 'pending'],
      ['hot', 'inactive'],
    ])
  })
})

describe('silence', () => {
  const rules = (rows: string, duration = 'with.limit.silent') => `
tables: { fridges: { ${rows} } }
rules:
  - id: silent
    topic: f/+id
    with: { limit: { table: fridges } }
    absent: { for: ${duration}, expect: fridges }
    alert: { summary: x }
`

  test('a row that is added is waited for, one that is removed no longer', async () => {
    const { world, edit, states } = await openWorld(rules('f1: { silent: 10m }, f2: { silent: 10m }'))
    await world.advance(5 * minute)
    await edit(rules('f2: { silent: 10m }, f3: { silent: 10m }'))
    await world.advance(5 * minute)
    expect(await states()).toEqual(['silent f2 firing'])
    await world.advance(5 * minute)
    expect(await states()).toEqual(['silent f2 firing', 'silent f3 firing'])
    await edit(rules('f3: { silent: 10m }'))
    expect(await states()).toEqual(['silent f3 firing'])
  })

  test('a shorter time of a row counts from the latest message', async () => {
    const { world, edit, send, states } = await openWorld(rules('f1: { silent: 1h }'))
    await world.advance(minute)
    await send('f/f1', 1)
    await edit(rules('f1: { silent: 10m }'))
    await world.advance(10 * minute - 1)
    expect(await states()).toEqual([])
    await world.advance(1)
    expect(await states()).toEqual(['silent f1 firing'])
  })

  test('a longer time of a row too', async () => {
    const { world, edit, states } = await openWorld(rules('f1: { silent: 10m }'))
    await edit(rules('f1: { silent: 1h }'))
    await world.advance(59 * minute)
    expect(await states()).toEqual([])
    await world.advance(minute)
    expect(await states()).toEqual(['silent f1 firing'])
  })

  test('so does another time in the rule itself', async () => {
    const { world, edit, send, states } = await openWorld(rules('f1: {}', '1h'))
    await send('f/f1', 1)
    await edit(rules('f1: {}', '10m'))
    await world.advance(10 * minute)
    expect(await states()).toEqual(['silent f1 firing'])
  })
})
