/** A storm of 100,000 alerts in a minute: cheap, bounded, and told with the exact count. */
import { expect, test } from 'vitest'
import type { AddressState, DeliveryState } from '../../../src/core/deliveries/delivery-state.ts'
import { AlertWorld, hot, hour, minute } from './alert-world.ts'

const rules = [{ ...hot, max_keys: 1_000_000 }]

async function storm(world: AlertWorld, alerts: number, t = 36): Promise<void> {
  const perBatch = 1_000
  for (let sent = 0; sent < alerts; sent += perBatch) {
    await world.send(
      Object.fromEntries(Array.from({ length: perBatch }, (_, index) => [`d${sent + index}`, t])),
    )
    await world.advance(Math.floor((minute * perBatch) / alerts))
  }
}

/** The long run makes the whole storm; what it holds does not depend on the size. */
const isLong = process.env.TOCSIN_LONG !== undefined
const inOne = isLong ? 100_000 : 20_000

test('in one group: a handful of messages, a group of a few kilobytes', async () => {
  const world = await AlertWorld.open({ rules, broker: null })
  await storm(world, inOne)
  await world.until(30 * minute)
  expect(world.told().sort()).toEqual([
    '0s email firing: 1000 alerts: hot [1000]',
    `20m manager firing: ${inOne} alerts: hot [${inOne}]`,
    `5m email firing: ${inOne} alerts: hot [${inOne}]`,
    `5m sms firing: ${inOne} alerts: hot [${inOne}]`,
  ])
  const group = await world.group()
  expect(JSON.stringify(group).length).toBeLessThan(20_000)
  await world.ask({ type: 'ack', about: { code: group.ackCode }, by: 'ada', via: 'sms' })
  await storm(world, inOne, 20)
  await world.advance(11 * minute)
  expect(await world.slices('group/')).toEqual([])
  expect(await world.slices('alert/')).toEqual([])
}, 120_000)

test('in a group for each: within the cap and the line, with the exact number of those held back', async () => {
  const alerts = isLong ? 20_000 : 5_000
  const smsCaps = {
    numberHour: 10,
    numberDay: 1_000,
    allHour: null,
    allDay: 1_000,
    moneyDay: null,
    reserve: 0,
  }
  const world = await AlertWorld.open({
    rules,
    broker: null,
    smsCaps,
    policy: { groupBy: ['device'], steps: [{ afterMs: 0, notify: ['sms'] }], resolved: false },
  })
  await storm(world, alerts)
  await world.until(hour - 1)
  expect(world.attempts.length).toBe(10)
  await world.until(hour + minute)
  expect(world.attempts.length).toBe(11)
  expect(world.last.kind).toBe('digest')
  expect(world.last.text).toContain(`${alerts - 10} notifications were not sent`)
}, 120_000)

test('with a dead channel: what does not fit into its line is counted and told', async () => {
  const alerts = 12_000
  const world = await AlertWorld.open({
    rules,
    broker: null,
    policy: { groupBy: ['device'], steps: [{ afterMs: 0, notify: ['email'] }], resolved: false },
  })
  world.channel = () => ({ ok: false, kind: 'temporary', reason: 'unreachable', message: 'down' })
  await storm(world, alerts)
  await world.until(2 * minute)
  const [line] = await world.slices<AddressState>('address/')
  expect(line).toMatchObject({ next: 10_000, overflowed: 2_000 })
  world.channel = () => ({ ok: true, providerId: null, state: 'delivered' })
  await world.until(6 * minute)
  expect(world.last.text).toBe('2000 notifications were left out: more than 10000 waited.')
  const states = new Set((await world.slices<DeliveryState>('delivery/')).map(({ state }) => state))
  expect([...states]).toEqual(['delivered'])
}, 120_000)

test('with every delivery refused: the dead are kept, a thousand of them whole', async () => {
  const world = await AlertWorld.open({
    rules,
    broker: null,
    policy: { groupBy: ['device'], steps: [{ afterMs: 0, notify: ['email'] }], resolved: false },
  })
  world.channel = () => ({ ok: false, kind: 'permanent', reason: 'refused', message: 'no' })
  await storm(world, 2_000)
  const dead = await world.slices<DeliveryState>('delivery/')
  expect(dead.length).toBe(2_000)
  expect(dead.filter(({ notification }) => notification !== null).length).toBe(1_000)
  await world.advance(8 * 24 * hour)
  expect(await world.slices('delivery/')).toEqual([])
  expect(await world.slices<AddressState>('address/')).toMatchObject([{ dead: 0 }])
}, 60_000)
