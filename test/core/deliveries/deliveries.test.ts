/** Deliveries: one attempt at a time, failures of three kinds, crashes, caps, and what is not worth sending any more. */
import { describe, expect, test } from 'vitest'
import type { AddressState, DeliveryState } from '../../../src/core/deliveries/delivery-state.ts'
import { AlertWorld, arrives, failure, hour, minute, policyOf, second } from '../alerts/alert-world.ts'

const onlyMail = { steps: [{ afterMs: 0, notify: ['email'] }] }
const alone = { groupBy: ['device'], ...onlyMail }
const many = (count: number, t: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`d${index}`, t]))

const deliveries = (world: AlertWorld) => world.slices<DeliveryState>('delivery/')

test('one attempt at a time for an address, in their order', async () => {
  const world = await AlertWorld.open({ policy: alone })
  world.channel = () => 'lost'
  await world.send(many(3, 36))
  expect(world.attempts.length).toBe(1)
  world.channel = () => arrives
  const [first] = world.attempts
  await world.push([{ type: 'attempt', delivery: first?.delivery ?? '', attempt: 1, outcome: arrives }])
  expect(world.attempts.map(({ notification }) => notification.title)).toEqual([
    'd0 is at 36 °C',
    'd1 is at 36 °C',
    'd2 is at 36 °C',
  ])
})

describe('a temporary failure', () => {
  test('is tried again, later each time, until it works, and nothing passes it', async () => {
    const world = await AlertWorld.open({ policy: alone })
    world.channel = () => failure('temporary')
    await world.send({ g1: 36 })
    await world.advance(minute)
    const gaps = world.attempts.slice(1).map(({ atMs }, index) => atMs - (world.attempts[index]?.atMs ?? 0))
    gaps.forEach((gap, index) => {
      expect(gap).toBeGreaterThanOrEqual(500 * 2 ** index)
      expect(gap).toBeLessThanOrEqual(1_000 * 2 ** index)
    })
    world.channel = () => arrives
    await world.advance(minute)
    expect(new Set(world.attempts.map(({ delivery }) => delivery)).size).toBe(1)
    expect(await deliveries(world)).toMatchObject([{ state: 'delivered', notification: null }])
    expect(world.attempts.every(({ uncertain }) => !uncertain)).toBe(true)
  })

  test('of a mail server for ten minutes at fifty alerts a minute: all arrive within two minutes of its return', async () => {
    const world = await AlertWorld.open({ policy: { ...alone, groupBy: ['device'] } })
    const back = 10 * minute
    const arrived = new Map<string, number>()
    world.channel = (deliver) => {
      if (world.elapsedMs < back) return failure('temporary', 'unreachable')
      arrived.set(deliver.delivery, world.elapsedMs)
      return arrives
    }
    for (let sent = 0; sent < 500; sent++) {
      await world.send({ [`d${sent}`]: 36 })
      await world.advance(1_200)
    }
    await world.until(back + 2 * minute)
    expect(arrived.size).toBe(500)
  })

  test('of one message alone lets those behind it pass', async () => {
    const world = await AlertWorld.open({ policy: alone })
    world.channel = ({ notification }) =>
      notification.title.startsWith('bad') && world.elapsedMs < 10 * minute ? failure('temporary') : arrives
    await world.send({ bad: 36, good: 36 })
    await world.until(minute)
    const good = world.attempts.find(({ notification }) => notification.title.startsWith('good'))
    expect(good?.atMs).toBeLessThan(world.startMs + minute)
    await world.until(20 * minute)
    expect((await deliveries(world)).map(({ state }) => state)).toEqual(['delivered', 'delivered'])
    expect(await world.slices<AddressState>('address/')).toMatchObject([{ aside: 0, ahead: [], busy: null }])
  })

  test('that lasts a day is given up, and can be tried again by hand', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    world.channel = () => failure('temporary')
    await world.send({ g1: 36 })
    await world.advance(25 * hour)
    const [dead] = await deliveries(world)
    expect(dead).toMatchObject({ state: 'dead', failure: { reason: 'expired' } })
    world.channel = () => arrives
    const retry = { type: 'retry', delivery: dead?.id ?? '', by: 'ada', via: 'cli' } as const
    expect(await world.ask(retry)).toMatchObject({ ok: true })
    expect(await deliveries(world)).toMatchObject([{ state: 'delivered' }])
    expect(await world.ask(retry)).toMatchObject({ ok: false, reason: 'not-found' })
  })

  test('rests as long as the provider says', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    world.channel = () => ({ ...failure('temporary', 'rate-limited'), retryAfterMs: 5 * minute }) as never
    await world.send({ g1: 36 })
    await world.advance(5 * minute - 1)
    expect(world.attempts.length).toBe(1)
    await world.advance(1)
    expect(world.attempts.length).toBe(2)
  })
})

describe('a permanent failure', () => {
  test('of all of a step brings the next step at once, and later ones stay as far from it', async () => {
    const world = await AlertWorld.open()
    world.channel = ({ receiver }) => (receiver === 'email' ? failure('permanent', 'refused') : arrives)
    await world.send({ g1: 36 })
    await world.advance(hour)
    expect(world.told()).toEqual([
      '0s email firing: g1 is at 36 °C',
      '0s sms firing: g1 is at 36 °C',
      '15m manager firing: g1 is at 36 °C',
    ])
    await world.send({ g1: 20 })
    // Who never heard of it is not told that it is over.
    expect(world.told().sort()).toEqual([
      '1h manager resolved: g1 is at 36 °C',
      '1h sms resolved: g1 is at 36 °C',
    ])
  })

  test('of one of two changes nothing', async () => {
    const world = await AlertWorld.open({
      policy: {
        steps: [
          { afterMs: 0, notify: ['email', 'sms'] },
          { afterMs: hour, notify: ['manager'] },
        ],
      },
    })
    world.channel = ({ receiver }) => (receiver === 'email' ? failure('permanent') : arrives)
    await world.send({ g1: 36 })
    await world.advance(hour - 1)
    expect(world.told().length).toBe(2)
  })

  test('told later by the provider counts as well', async () => {
    const world = await AlertWorld.open({
      policy: {
        steps: [
          { afterMs: 0, notify: ['sms'] },
          { afterMs: hour, notify: ['manager'] },
        ],
      },
      receivers: { sms: { confirms: true } },
    })
    world.channel = () => ({ ok: true, providerId: 'SM1', state: 'sent' })
    await world.send({ g1: 36 })
    await world.advance(minute)
    const [sent] = await deliveries(world)
    expect(sent).toMatchObject({ state: 'sent', providerId: 'SM1' })
    const confirm = { type: 'confirm', delivery: sent?.id ?? '', message: 'unreachable handset' } as const
    await world.push([{ ...confirm, state: 'undelivered' }])
    await world.advance(0)
    expect(world.told()).toEqual(['0s sms firing: g1 is at 36 °C', '1m manager firing: g1 is at 36 °C'])
    const states = (await deliveries(world)).map(({ receiver, state }) => `${receiver} ${state}`).sort()
    expect(states).toEqual(['manager sent', 'sms undelivered'])
  })
})

describe('an attempt without an answer', () => {
  test('is made once more, and then never again', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    world.channel = () => failure('ambiguous', 'timeout')
    await world.send({ g1: 36 })
    await world.advance(hour)
    expect(world.attempts.map(({ attempt, uncertain }) => [attempt, uncertain])).toEqual([
      [1, false],
      [2, true],
    ])
    expect(await deliveries(world)).toMatchObject([{ state: 'dead', failure: { reason: 'timeout' } }])
  })

  test('as the process died is made once more for every death', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    world.channel = () => 'lost'
    await world.send({ g1: 36 })
    await world.restart(minute)
    expect(world.attempts.length).toBe(1)
    await world.advance(minute)
    await world.restart(10 * second)
    world.channel = () => arrives
    await world.advance(hour)
    expect(world.attempts.map(({ attempt, uncertain }) => [attempt, uncertain])).toEqual([
      [1, false],
      [2, true],
      [3, true],
    ])
    expect(await deliveries(world)).toMatchObject([{ state: 'delivered' }])
  })

  test('that comes after its lease ends the matter', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    world.channel = () => 'lost'
    await world.send({ g1: 36 })
    await world.advance(2 * minute + second)
    expect(world.attempts.length).toBe(2)
    const delivery = world.attempts[0]?.delivery ?? ''
    await world.push([{ type: 'attempt', delivery, attempt: 1, outcome: arrives }])
    await world.advance(10 * minute)
    expect(world.attempts.length).toBe(2)
    expect(await deliveries(world)).toMatchObject([{ state: 'delivered' }])
  })

  test('that was not made counts for nothing', async () => {
    const world = await AlertWorld.open({ policy: onlyMail })
    let turns = 0
    world.channel = () => (++turns < 4 ? 'not made' : arrives)
    await world.send({ g1: 36 })
    expect(world.attempts.map(({ attempt }) => attempt)).toEqual([1, 1, 1, 1])
  })
})

test('what resolved before it was sent is not sent, nor its end', async () => {
  const world = await AlertWorld.open({ policy: alone })
  world.channel = () => 'lost'
  await world.send(many(50, 36))
  await world.send(many(50, 20))
  world.channel = () => arrives
  await world.advance(hour)
  expect(world.told().map((line) => line.replace(/^\S+ /, ''))).toEqual([
    'email firing: d0 is at 36 °C',
    'email firing: d0 is at 36 °C',
    // It may have been sent before it resolved.
    'email resolved: d0 is at 36 °C',
  ])
  expect(await world.slices('told/')).toEqual([])
  expect(await world.slices('group/')).toEqual([])
})

describe('caps', () => {
  const smsCaps = { numberHour: 4, numberDay: 100, allHour: null, allDay: 200, moneyDay: null, reserve: 0.5 }
  const warning = {
    id: 'warm',
    topic: 'w/+device',
    value: 'payload.t',
    when: 'value > 35',
    alert: { severity: 'warning', summary: '{{ device }} is warm', labels: {} },
  } as const
  const policy = policyOf({
    groupBy: ['device'],
    steps: [
      { afterMs: 0, notify: ['sms'] },
      { afterMs: hour, notify: ['email'] },
    ],
    resolved: false,
  })

  test('hold back what is too much, go on with the next step at once, and sum up exactly', async () => {
    const world = await AlertWorld.open({ rules: [warning], policies: [policy], smsCaps })
    await world.send(many(10, 36), 'w')
    await world.advance(0)
    const told = world.told()
    // Half of the cap is kept for critical ones.
    expect(told.filter((line) => line.includes(' sms ')).length).toBe(2)
    expect(told.filter((line) => line.includes(' email ')).length).toBe(8)
    await world.advance(2 * hour)
    const later = world.told().filter((line) => line.includes(' sms '))
    expect(later).toEqual([
      '1h sms digest: 8 notifications were not sent in the last 1h: the limit was reached (0 critical, 8 warning, 0 info).',
    ])
  })

  test('keep a reserve for what is critical', async () => {
    const critical = {
      ...warning,
      id: 'hot',
      topic: 'c/+device',
      alert: { severity: 'critical', summary: 'x' },
    } as const
    const world = await AlertWorld.open({ rules: [warning, critical], policies: [policy], smsCaps })
    await world.send(many(10, 36), 'w')
    await world.send({ x: 36, y: 36, z: 36 }, 'c')
    await world.advance(0)
    const sms = world.attempts.filter(({ channel }) => channel === 'sms')
    expect(sms.map(({ notification }) => notification.severity)).toEqual([
      'warning',
      'warning',
      'critical',
      'critical',
    ])
  })
})

test('systems that keep a status of their own hear of acknowledgements, people do not', async () => {
  const world = await AlertWorld.open({
    policy: { steps: [{ afterMs: 0, notify: ['email', 'pager'] }] },
    receivers: { pager: { channel: 'webhook', keepsStatus: true } },
  })
  await world.send({ g1: 36 })
  world.told()
  await world.ask({ type: 'ack', about: { code: world.last.ackCode ?? '' }, by: 'ada', via: 'sms' })
  expect(world.told()).toEqual(['0s pager acknowledged: g1 is at 36 °C'])
  expect(world.last.by).toBe('ada')
})

test('an address of two receivers of a step is told once', async () => {
  const world = await AlertWorld.open({
    policy: { steps: [{ afterMs: 0, notify: ['sms', 'manager'] }] },
    receivers: { sms: { address: '+1' }, manager: { address: '+1' } },
  })
  await world.send({ g1: 36 })
  expect(world.told().length).toBe(1)
})

test('a receiver without an address is passed over at once', async () => {
  const world = await AlertWorld.open({
    policy: {
      steps: [
        { afterMs: 0, notify: ['gone'] },
        { afterMs: hour, notify: ['sms'] },
      ],
    },
  })
  await world.send({ g1: 36 })
  expect(world.told()).toEqual(['0s sms firing: g1 is at 36 °C'])
})
