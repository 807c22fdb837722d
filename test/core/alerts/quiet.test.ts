/** What keeps alerts quiet: mutes, silences, inhibitions, flapping, and people who resolve by hand. */
import { describe, expect, test } from 'vitest'
import type { SilenceEvent } from '../../../src/core/alerts/events.ts'
import { AlertWorld, hot, hour, minute, policyOf } from './alert-world.ts'

const night = { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 22 * 60, toMinute: 6 * 60, zone: 'Europe/Berlin' }
const muted = { mute: [{ calendar: 'night', except: ['critical' as const] }] }
const warm = { ...hot, alert: { severity: 'warning', summary: '{{ device }} is at {{ value }} °C' } } as const

function silence(more: Partial<SilenceEvent> = {}): SilenceEvent {
  const matcher = { device: 'g1' }
  return { type: 'silence', matcher, forMs: hour, by: 'ada', via: 'cli', comment: 'works', ...more }
}

describe('mute', () => {
  test('holds until its end, then sends what still fires, and the steps wait with it', async () => {
    const startMs = Date.UTC(2026, 10, 23, 20, 30)
    const world = await AlertWorld.open({ rules: [warm], calendars: { night }, policy: muted, startMs })
    await world.send({ g1: 36 })
    await world.until(3 * minute)
    await world.send({ g1: 20, g2: 36 })
    world.told()
    // 22:00 in Berlin is 21:00 UTC, 30 minutes on; g2 has stood at step one since.
    await world.until(25 * minute)
    await world.send({ g2: 20 })
    world.told()
    await world.until(29 * minute)
    await world.send({ g3: 36 })
    expect(world.told()).toEqual(['29m email firing: g3 is at 36 °C'])
    await world.until(hour)
    await world.send({ g4: 36, g5: 36 })
    await world.until(2 * hour)
    await world.send({ g5: 20 })
    await world.until(8 * hour + 29 * minute)
    expect(world.told()).toEqual([])
    await world.until(10 * hour)
    expect(world.told()).toEqual([
      '8h30m email firing: 2 alerts: hot [2]',
      '8h34m sms firing: 2 alerts: hot [2]',
      '8h49m manager firing: 2 alerts: hot [2]',
    ])
    expect(world.attempts.at(-3)?.notification.text).toBe('1 alert came and went while muted.')
  })

  test('ends an hour earlier by UTC in the night in which daylight saving begins, and later when it ends', async () => {
    for (const [day, endsMs] of [
      [Date.UTC(2026, 2, 28, 21, 30), 6.5 * hour],
      [Date.UTC(2026, 9, 24, 20, 30), 8.5 * hour],
    ] as const) {
      const world = await AlertWorld.open({
        rules: [warm],
        calendars: { night },
        policy: muted,
        startMs: day,
      })
      await world.until(hour)
      await world.send({ g1: 36 })
      await world.until(endsMs - 1)
      expect(world.told()).toEqual([])
      await world.until(endsMs)
      expect(world.told().length).toBe(1)
    }
  })

  test('lets through what is excepted, and the end of it', async () => {
    const startMs = Date.UTC(2026, 10, 23, 22)
    const world = await AlertWorld.open({ calendars: { night }, policy: muted, startMs })
    await world.send({ g1: 36 })
    await world.until(minute)
    await world.send({ g1: 30 })
    expect(world.told().length).toBe(2)
  })

  test('what came and went is summed up when nothing is left to tell', async () => {
    const startMs = Date.UTC(2026, 10, 23, 22)
    const world = await AlertWorld.open({ rules: [warm], calendars: { night }, policy: muted, startMs })
    for (const device of ['a', 'b', 'c']) {
      await world.send({ [device]: 36 })
      await world.advance(minute)
      await world.send({ [device]: 30 })
    }
    await world.until(24 * hour)
    expect(world.told()).toEqual(['7h email digest: 3 alerts came and went while muted.'])
    expect(await world.slices('group/')).toEqual([])
  })

  test('a process that was down over the end of the mute reckons the clock without it', async () => {
    const startMs = Date.UTC(2026, 10, 23, 20, 30)
    const world = await AlertWorld.open({ rules: [warm], calendars: { night }, policy: muted, startMs })
    await world.until(28 * minute)
    await world.send({ g1: 36 })
    expect(world.told().length).toBe(1)
    // Two minutes had passed when the night began; two more when the process is back.
    await world.restart(8 * hour + 4 * minute)
    expect(world.told()).toEqual([])
    await world.advance(minute)
    expect(world.told()).toEqual(['8h33m sms firing: g1 is at 36 °C'])
  })
})

describe('silences', () => {
  test('stop what fires already, for as long as they last, and the clock goes on where it stood', async () => {
    const world = await AlertWorld.open()
    await world.send({ g1: 36 })
    await world.until(3 * minute)
    expect(await world.ask(silence())).toEqual({ ok: true, done: 'silenced', about: 's1' })
    expect(await world.alert('g1')).toMatchObject({ silence: { id: 's1' } })
    await world.until(2 * hour)
    expect(world.told()).toEqual([
      '0s email firing: g1 is at 36 °C',
      '1h5m sms firing: g1 is at 36 °C',
      '1h20m manager firing: g1 is at 36 °C',
    ])
    expect(await world.slices('silences')).toMatchObject([{ list: [] }])
  })

  test('keep what begins meanwhile to themselves, and let it be told when they end', async () => {
    const world = await AlertWorld.open()
    await world.ask(silence({ matcher: { rule: 'hot', device: '/^g/' } }))
    await world.send({ g1: 36, g2: 37 })
    await world.send({ g2: 20 })
    await world.until(hour - 1)
    expect(world.told()).toEqual([])
    await world.until(hour)
    expect(world.told()).toEqual(['1h email firing: g1 is at 36 °C'])
  })

  test('can be ended, and say why they are refused', async () => {
    const world = await AlertWorld.open()
    await world.ask(silence())
    await world.send({ g1: 36 })
    expect(world.told()).toEqual([])
    const by = { by: 'ada', via: 'cli' }
    expect(await world.ask({ type: 'unsilence', id: 's1', ...by })).toMatchObject({ ok: true })
    await world.advance(0)
    expect(world.told()).toEqual(['0s email firing: g1 is at 36 °C'])
    expect(await world.ask({ type: 'unsilence', id: 's1', ...by })).toMatchObject({ reason: 'not-found' })
    expect(await world.ask(silence({ matcher: {} }))).toMatchObject({ reason: 'wrong' })
    expect(await world.ask(silence({ matcher: { a: '/(/' } }))).toMatchObject({ reason: 'wrong' })
    for (let count = 0; count < 1_000; count++) await world.ask(silence())
    expect(await world.ask(silence())).toMatchObject({ reason: 'full' })
  })

  test('an alert under two is silent until the later one ends', async () => {
    const world = await AlertWorld.open()
    await world.ask(silence({ forMs: hour }))
    await world.ask(silence({ forMs: 2 * hour }))
    await world.send({ g1: 36 })
    await world.until(2 * hour)
    expect(world.told()).toEqual(['2h email firing: g1 is at 36 °C'])
  })
})

describe('inhibitions', () => {
  const down = {
    id: 'gateway-down',
    topic: 'gw/+site',
    when: 'payload.t > 0',
    alert: { severity: 'critical', summary: '{{ site }} is down' },
  } as const
  const sensor = {
    ...hot,
    topic: 's/+site/+device',
    alert: { severity: 'warning', summary: '{{ device }} is hot', labels: { site: '{{ site }}' } },
  } as const
  const inhibits = [{ when: { rule: 'gateway-down' }, mute: { rule: ['hot'] }, same: ['site'] }]
  const open = () =>
    AlertWorld.open({ rules: [down, sensor], inhibits, policies: [policyOf({ groupBy: ['rule', 'site'] })] })

  test('mute what fires at the same site, before and after, until their cause is over', async () => {
    const world = await open()
    await world.send({ 'a/1': 36 })
    await world.until(minute)
    await world.send({ a: 1 }, 'gw')
    await world.send({ 'a/2': 36, 'b/1': 36 })
    await world.until(3 * minute)
    expect(world.told()).toEqual([
      '0s email firing: 1 is hot',
      '1m email firing: a is down',
      '1m email firing: 1 is hot',
    ])
    expect((await world.alerts()).filter(({ inhibitedBy }) => inhibitedBy !== null).length).toBe(2)
    await world.send({ a: 0 }, 'gw')
    await world.until(5 * minute)
    // The first one's clock goes on; the second was never told and joins it.
    expect(world.told()).toEqual(['3m email resolved: a is down', '5m email firing: 2 alerts: hot (a) [2]'])
    expect(await world.slices('inhibit/')).toEqual([])
  })

  test('resolve with their rule, and let go', async () => {
    const world = await open()
    await world.send({ a: 1 }, 'gw')
    await world.send({ 'a/1': 36 })
    world.told()
    await world.restart(0, { rules: [sensor] })
    await world.advance(0)
    expect(world.told()).toEqual(['0s email resolved: a is down', '0s email firing: 1 is hot'])
  })
})

describe('flapping', () => {
  test('pages three times, says so, and is quiet until it has been quiet', async () => {
    const world = await AlertWorld.open()
    for (let swing = 0; swing < 8; swing++) {
      await world.send({ g1: 36 })
      await world.advance(30_000)
      await world.send({ g1: 20 })
      await world.advance(30_000)
    }
    expect(world.told()).toEqual([
      '0s email firing: g1 is at 36 °C',
      '30s email resolved: g1 is at 36 °C',
      '1m email firing: g1 is at 36 °C',
      '1m30s email resolved: g1 is at 36 °C',
      '2m email firing: g1 is at 36 °C',
    ])
    expect(world.last.text).toBe('Flapping (3 times in 10m).')
    expect(new Set(world.attempts.map(({ notification }) => notification.threadId)).size).toBe(1)
    expect(world.attempts.map(({ notification }) => notification.threadIndex)).toEqual([0, 1, 2, 3, 4])
    await world.until(hour)
    // Quiet since 7m30s.
    expect(world.told()).toEqual(['17m30s email resolved: g1 is at 36 °C'])
    expect(await world.slices('group/')).toEqual([])
    expect(await world.alerts()).toEqual([])
  })

  test('what goes on flapping is not forgotten: the clock runs while it fires', async () => {
    const world = await AlertWorld.open()
    for (let swing = 0; swing < 30; swing++) {
      await world.send({ g1: 36 })
      await world.advance(40_000)
      await world.send({ g1: 20 })
      await world.advance(20_000)
    }
    const told = world.told().filter((line) => line.includes('sms'))
    // Five minutes of firing at 40 s a minute, counted from the third opening at 2m.
    expect(told).toEqual(['9m20s sms firing: g1 is at 36 °C'])
  })

  test('a later opening is a conversation of its own', async () => {
    const world = await AlertWorld.open()
    await world.send({ g1: 36 })
    await world.send({ g1: 20 })
    await world.advance(11 * minute)
    await world.send({ g1: 36 })
    expect(new Set(world.attempts.map(({ notification }) => notification.threadId)).size).toBe(2)
  })
})

describe('by hand', () => {
  const resolve = async (world: AlertWorld) => {
    const alert = await world.alert('g1')
    return world.ask({ type: 'resolve', alert: `hot/${alert?.fingerprint}`, by: 'ada', via: 'http' })
  }

  test('a resolved alert reopens only after its condition was seen false', async () => {
    const rule = { ...hot, clear: { when: 'value < 33' } }
    const world = await AlertWorld.open({ rules: [rule] })
    await world.send({ g1: 36 })
    expect(await resolve(world)).toMatchObject({ ok: true })
    expect(world.last).toMatchObject({ kind: 'resolved', by: 'ada' })
    await world.advance(minute)
    await world.send({ g1: 37 })
    await world.advance(hour)
    expect(world.told()).toEqual(['0s email firing: g1 is at 36 °C', '0s email resolved: g1 is at 36 °C'])
    await world.send({ g1: 34 })
    await world.send({ g1: 38 })
    expect(world.told()).toEqual(['1h1m email firing: g1 is at 38 °C'])
    expect(await resolve(world)).toMatchObject({ ok: true })
    expect(await resolve(world)).toMatchObject({ ok: false, reason: 'not-found' })
  })

  test('it is forgotten with the end of its rule', async () => {
    const world = await AlertWorld.open()
    await world.send({ g1: 36 })
    await resolve(world)
    await world.send({ g1: 20 })
    await world.advance(hour)
    expect(await world.alerts()).toEqual([])
  })
})

test('its own topic holds an alert while it lives', async () => {
  const world = await AlertWorld.open({ rules: [{ ...hot, for: minute }] })
  const states = () =>
    world.published
      .splice(0)
      .map(({ topic, payload }) => [
        topic.split('/').slice(0, 3).join('/'),
        payload && JSON.parse(payload).state,
      ])
  await world.send({ g1: 36 })
  expect(states()).toEqual([['tocsin/alerts/hot', 'pending']])
  await world.send({ g1: 30 })
  expect(states()).toEqual([['tocsin/alerts/hot', '']])
  await world.send({ g1: 36 })
  await world.advance(minute)
  const at = world.published.at(-1)
  expect(JSON.parse(at?.payload ?? '')).toMatchObject({
    state: 'firing',
    severity: 'critical',
    key: { device: 'g1' },
    labels: { device: 'g1', rule: 'hot', severity: 'critical' },
    values: { t: '36' },
    ack: null,
  })
  await world.ask({ type: 'ack', about: { code: world.last.ackCode ?? '' }, by: 'ada', via: 'sms' })
  await world.advance(0)
  expect(JSON.parse(world.published.at(-1)?.payload ?? '')).toMatchObject({ ack: { by: 'ada', via: 'sms' } })
  await world.send({ g1: 30 })
  expect(world.published.at(-1)).toEqual({ topic: at?.topic, payload: '' })
})
