/** Who is told when: steps, acknowledgements, repeats, groups, and that those who were told hear the end. */
import { describe, expect, test } from 'vitest'
import { AlertWorld, hot, hour, minute, second } from './alert-world.ts'

const held = { ...hot, for: 2 * minute }
const mail = (code: string) => ({ type: 'ack', about: { code }, by: 'ada', via: 'sms' }) as const

test('36 °C for two minutes, a mail, five minutes, an SMS, ACK, and the manager is left alone; then both hear the end', async () => {
  const world = await AlertWorld.open({ rules: [held] })
  await world.send({ g1: 36 })
  await world.until(2 * minute - 1)
  expect(world.told()).toEqual([])
  await world.until(2 * minute)
  expect(world.told()).toEqual(['2m email firing: g1 is at 36 °C'])
  await world.until(7 * minute)
  expect(world.told()).toEqual(['7m sms firing: g1 is at 36 °C'])
  const { ackCode } = world.last
  expect(await world.ask(mail(ackCode ?? ''))).toMatchObject({ ok: true })
  await world.until(2 * hour)
  expect(world.told()).toEqual([])
  await world.send({ g1: 20 })
  expect(world.told()).toEqual(['2h email resolved: g1 is at 36 °C', '2h sms resolved: g1 is at 36 °C'])
  await world.until(4 * hour)
  expect(world.told()).toEqual([])
  expect(await world.audit()).toEqual(
    expect.arrayContaining(['pending', 'firing', 'step', 'delivered', 'acked', 'resolved']),
  )
})

test('without an answer it goes up all steps, once each, and the text follows the value', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.until(4 * minute)
  await world.send({ g1: 60 })
  await world.until(5 * hour)
  expect(world.told()).toEqual([
    '0s email firing: g1 is at 36 °C',
    '5m sms firing: g1 is at 60 °C',
    '20m manager firing: g1 is at 60 °C',
  ])
  expect(world.last.alerts[0]?.values).toEqual({ t: '60' })
})

test('what clears before the next step stops there', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.until(3 * minute)
  await world.send({ g1: 30 })
  await world.until(hour)
  expect(world.told()).toEqual(['0s email firing: g1 is at 36 °C', '3m email resolved: g1 is at 36 °C'])
})

test('the last step is repeated as often as the policy says', async () => {
  const world = await AlertWorld.open({ policy: { repeat: { everyMs: hour, times: 2 } } })
  await world.send({ g1: 36 })
  await world.until(10 * hour)
  expect(world.told()).toEqual([
    '0s email firing: g1 is at 36 °C',
    '5m sms firing: g1 is at 36 °C',
    '20m manager firing: g1 is at 36 °C',
    '1h20m manager firing: g1 is at 36 °C',
    '2h20m manager firing: g1 is at 36 °C',
  ])
})

test('an acknowledgement that runs out begins anew at the first step, and says whose it was', async () => {
  const world = await AlertWorld.open({ policy: { ackTimeoutMs: 4 * hour } })
  await world.send({ g1: 36 })
  await world.until(6 * minute)
  world.told()
  await world.ask(mail(world.last.ackCode ?? ''))
  await world.until(4 * hour + 12 * minute)
  expect(world.told()).toEqual(['4h6m email firing: g1 is at 36 °C', '4h11m sms firing: g1 is at 36 °C'])
  expect(world.attempts.at(-2)?.notification.text).toBe('Acknowledged by ada 4h ago, and still firing.')
})

test('the clock stands while it is acknowledged by its own name, and the group when each of its members is', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36, g2: 37 })
  for (const device of ['g1', 'g2']) {
    const { rule, fingerprint } = (await world.alert(device)) ?? {}
    const answer = await world.ask({
      type: 'ack',
      about: { alert: `${rule}/${fingerprint}` },
      by: 'ada',
      via: 'mqtt',
    })
    expect(answer).toMatchObject({ ok: true })
    await world.advance(minute)
  }
  await world.until(hour)
  expect(world.told()).toEqual(['0s email firing: 2 alerts: hot [2]'])
})

test('a new member of an acknowledged group starts at the first step', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.until(6 * minute)
  await world.ask(mail(world.last.ackCode ?? ''))
  world.told()
  await world.until(hour)
  await world.send({ g2: 40 })
  await world.until(hour + 6 * minute)
  expect(world.told()).toEqual(['1h email firing: g2 is at 40 °C', '1h5m sms firing: g2 is at 40 °C'])
})

test('an answer without a code is for what this number was told last', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.until(5 * minute)
  const latest = (address: string) =>
    ({ type: 'ack', about: { latest: { channel: 'sms', address } }, by: address, via: 'sms' }) as const
  expect(await world.ask(latest('manager'))).toMatchObject({ ok: false, reason: 'not-found' })
  expect(await world.ask(latest('sms'))).toMatchObject({ ok: true })
  expect(await world.ask(latest('sms'))).toMatchObject({ ok: false, reason: 'already' })
  await world.until(hour)
  expect(world.told().length).toBe(2)
})

describe('groups', () => {
  const devices = (from: number, to: number, t: number) =>
    Object.fromEntries(Array.from({ length: to - from }, (_, index) => [`d${from + index}`, t]))

  test('two hundred devices are one mail, one SMS and one end', async () => {
    const world = await AlertWorld.open()
    await world.send(devices(0, 200, 36))
    await world.until(5 * minute)
    expect(world.told()).toEqual([
      '0s email firing: 200 alerts: hot [200]',
      '5m sms firing: 200 alerts: hot [200]',
    ])
    expect(world.last.alerts.length).toBe(20)
    await world.send(devices(0, 200, 20))
    expect(world.told()).toEqual([
      '5m email resolved: 200 alerts: hot [200]',
      '5m sms resolved: 200 alerts: hot [200]',
    ])
  })

  test('those who join later are gathered, and told to those who know of the others', async () => {
    const world = await AlertWorld.open({ policy: { steps: [{ afterMs: 0, notify: ['email'] }] } })
    await world.send({ g1: 36 })
    await world.until(minute)
    await world.send({ g2: 36 })
    await world.until(2 * minute)
    await world.send({ g3: 36 })
    await world.until(5 * minute - 1)
    expect(world.told()).toEqual(['0s email firing: g1 is at 36 °C'])
    await world.until(hour)
    expect(world.told()).toEqual(['5m email firing: 3 alerts: hot [3]'])
  })

  test('the first notification waits for others, if the policy says so', async () => {
    const world = await AlertWorld.open({ policy: { groupWaitMs: 30 * second } })
    await world.send({ g1: 36 })
    await world.advance(10 * second)
    await world.send({ g2: 36 })
    await world.until(minute)
    expect(world.told()).toEqual(['30s email firing: 2 alerts: hot [2]'])
  })

  test('what comes and goes while it waits is told to nobody', async () => {
    const world = await AlertWorld.open({ policy: { groupWaitMs: 30 * second } })
    await world.send({ g1: 36 })
    await world.advance(10 * second)
    await world.send({ g1: 30 })
    await world.until(hour)
    expect(world.told()).toEqual([])
    expect(await world.slices('')).toHaveLength((await world.slices('rule/')).length + 1)
  })

  test('one of two that resolves is told to those who know, with the others of its interval', async () => {
    const world = await AlertWorld.open({ policy: { steps: [{ afterMs: 0, notify: ['email'] }] } })
    await world.send({ g1: 36, g2: 36 })
    await world.until(minute)
    await world.send({ g1: 30 })
    await world.until(6 * minute)
    expect(world.told()).toEqual(['0s email firing: 2 alerts: hot [2]', '5m email resolved: g1 is at 36 °C'])
    expect(world.last.text).toBe('1 alert still firing.')
    await world.send({ g2: 30 })
    expect(world.told()).toEqual(['6m email resolved: g2 is at 36 °C'])
  })

  test('labels make groups', async () => {
    const rule = {
      ...hot,
      alert: { severity: 'warning', summary: 'x', labels: { site: '{{ device | slice: 0 }}' } },
    } as const
    const world = await AlertWorld.open({ rules: [rule], policy: { groupBy: ['site'] } })
    await world.send({ a1: 36, a2: 36, b1: 36 })
    expect(world.told().length).toBe(2)
  })
})

test('nobody is told by the policy none, or while there is no such policy', async () => {
  const silent = { ...hot, alert: { severity: 'info', summary: 'x', policy: 'none' } } as const
  const world = await AlertWorld.open({ rules: [silent] })
  await world.send({ g1: 36 })
  await world.until(hour)
  expect(world.told()).toEqual([])
  expect(await world.alert('g1')).toMatchObject({ state: 'firing', group: null })
})

test('an unknown value leaves an alert as it is', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.send({ g1: 'no number' })
  await world.until(minute)
  expect(await world.alert('g1')).toMatchObject({ state: 'firing', summary: 'g1 is at 36 °C' })
})
