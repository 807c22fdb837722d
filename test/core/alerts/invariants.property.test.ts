/** Whatever happens in whatever order: counts stay right, nobody is told twice for a step, nothing is left behind. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AlertState, isHeld } from '../../../src/core/alerts/alert-state.ts'
import { type GroupState, total } from '../../../src/core/alerts/group-state.ts'
import type { Silence } from '../../../src/core/alerts/silences.ts'
import type { DeliveryState } from '../../../src/core/deliveries/delivery-state.ts'
import { AlertWorld, arrives, failure, hour, minute } from './alert-world.ts'

const act = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      device: fc.nat(5),
      t: fc.constantFrom(20, 36, 40),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20 * minute }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ack' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ack-one' as const), device: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('resolve' as const), device: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('silence' as const), device: fc.nat(5) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('unsilence' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('channel' as const),
      is: fc.constantFrom('good', 'permanent', 'temporary', 'ambiguous', 'lost'),
    }),
  },
)
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never

const night = { days: [1, 2, 3, 4, 5, 6, 7], fromMinute: 14 * 60, toMinute: 15 * 60, zone: 'UTC' }
const by = { by: 'ada', via: 'test' }

async function play(acts: readonly Act[], groupBy: readonly string[]): Promise<void> {
  const world = await AlertWorld.open({
    calendars: { night },
    policy: {
      groupBy,
      ackTimeoutMs: hour,
      repeat: { everyMs: 30 * minute, times: 2 },
      mute: [{ calendar: 'night', except: [] }],
    },
  })
  const seen = new Map<string, DeliveryState>()
  for (const one of acts) {
    await perform(world, one)
    await check(world)
    for (const delivery of await world.slices<DeliveryState>('delivery/')) seen.set(delivery.id, delivery)
  }
  world.channel = () => arrives
  for (let device = 0; device <= 5; device++) await world.send({ [`d${device}`]: 20 })
  for (let turn = 0; turn < 20; turn++) {
    await world.advance(20 * minute)
    for (const delivery of await world.slices<DeliveryState>('delivery/')) seen.set(delivery.id, delivery)
  }
  await check(world)
  for (const kind of ['group/', 'told/', 'ackcode/', 'alert/', 'inhibit/']) {
    expect(await world.slices(kind), kind).toEqual([])
  }
  expect(world.notices.filter((notice) => notice.startsWith('alert-failed'))).toEqual([])
  judge(world, seen)
}

async function perform(world: AlertWorld, one: Act): Promise<void> {
  const named = async (device: number) => {
    const alert = await world.alert(`d${device}`)
    return `hot/${alert?.fingerprint ?? '0'}`
  }
  switch (one.do) {
    case 'send':
      return world.send({ [`d${one.device}`]: one.t })
    case 'wait':
      return world.advance(one.ms)
    case 'ack': {
      const code = world.attempts.at(-1)?.notification.ackCode ?? 'XXX'
      await world.push([{ type: 'ack', about: { code }, ...by }])
      return
    }
    case 'ack-one':
      await world.push([{ type: 'ack', about: { alert: await named(one.device) }, ...by }])
      return
    case 'resolve':
      await world.push([{ type: 'resolve', alert: await named(one.device), ...by }])
      return
    case 'silence':
      await world.push([
        { type: 'silence', matcher: { device: `d${one.device}` }, forMs: 30 * minute, comment: '', ...by },
      ])
      return
    case 'unsilence': {
      const [state] = await world.slices<{ list: Silence[] }>('silences')
      await world.push([{ type: 'unsilence', id: state?.list[0]?.id ?? 's0', ...by }])
      return
    }
    case 'restart':
      return world.restart(minute)
    case 'channel':
      world.channel = () =>
        one.is === 'good' ? arrives : one.is === 'lost' ? 'lost' : failure(one.is as 'temporary')
  }
}

/** The counts of every group are those of its members. */
async function check(world: AlertWorld): Promise<void> {
  await world.advance(0)
  const alerts = await world.alerts()
  const page = await world.store.scan('group/', null, 1_000)
  if (!page.ok) throw new Error('no page')
  for (const { id, data } of page.value) {
    const group = data as GroupState
    const members = alerts.filter((alert: AlertState) => alert.group === id)
    const open = members.filter((alert) => !isHeld(alert))
    expect(total(group.firing)).toBe(members.length)
    expect(total(group.open)).toBe(open.length)
    expect(total(group.needy)).toBe(open.filter(({ joined }) => joined > (group.ack?.upTo ?? 0)).length)
    expect(group.clock.sinceMs !== null).toBe(total(group.needy) > 0)
    expect(group.sample.length).toBeLessThanOrEqual(20)
    expect(group.news.joined).toBeLessThanOrEqual(total(group.needy))
  }
}

function judge(world: AlertWorld, seen: ReadonlyMap<string, DeliveryState>): void {
  const steps = new Set<string>()
  const latest = new Map<string, number>()
  const heard = new Set<string>()
  for (const attempt of world.attempts) {
    const { delivery, channel, address, notification } = attempt
    const of = seen.get(delivery)?.of
    const place = `${notification.threadId} ${channel} ${address}`
    if (notification.kind === 'firing') heard.add(place)
    if (notification.kind === 'resolved') expect(heard).toContain(place)
    if (attempt.attempt > 1 || of === undefined || of === null || of.step === null) continue
    const step = `${notification.threadId} ${of.round} ${of.step} ${channel} ${address}`
    expect(steps).not.toContain(step)
    steps.add(step)
    // Of one address, as those of others may wait for their channel.
    const line = `${place} ${of.round}`
    expect(of.step).toBeGreaterThanOrEqual(latest.get(line) ?? 0)
    latest.set(line, of.step)
  }
}

test('in one group', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }), (acts) =>
      play(acts, ['rule']),
    ),
    { numRuns: process.env.TOCSIN_LONG === undefined ? 12 : 240 },
  )
}, 60_000)

test('in a group for every device', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { minLength: 10, maxLength: 80, size: 'max' }), (acts) =>
      play(acts, ['device']),
    ),
    { numRuns: process.env.TOCSIN_LONG === undefined ? 12 : 240 },
  )
}, 60_000)
