/** A process that dies anywhere in the story: whoever is to be told is told, and nobody for the same step twice. */
import { expect, test } from 'vitest'
import { AlertWorld, arrives, hot, hour, minute, second } from './alert-world.ts'

const rules = [{ ...hot, for: 2 * minute }]
const story = [
  'email firing',
  'sms firing',
  'manager firing',
  'email resolved',
  'manager resolved',
  'sms resolved',
]

/** Runs the story with a restart at one moment; the process is down for a while. */
async function tell(diesMs: number, downMs: number): Promise<string[]> {
  const world = await AlertWorld.open({ rules })
  const steps: [atMs: number, act: () => Promise<void>][] = [
    [0, () => world.send({ g1: 36 })],
    [30 * minute, () => world.send({ g1: 20 })],
    [50 * minute, async () => {}],
  ]
  let dies: number | null = diesMs
  for (const [atMs, act] of steps) {
    if (dies !== null && dies < atMs) {
      await world.until(dies)
      await world.restart(downMs)
      dies = null
    }
    await world.until(Math.max(atMs, world.elapsedMs))
    await act()
  }
  return world
    .told()
    .map((line) => line.split(' ').slice(1, 3).join(' ').replace(':', ''))
    .sort()
}

test('dies in the middle of every step, and is back at once or later', async () => {
  const moments = [
    0,
    minute,
    2 * minute,
    4 * minute,
    7 * minute,
    15 * minute,
    22 * minute,
    26 * minute,
    31 * minute,
  ]
  for (const moment of moments) {
    for (const downMs of [0, second, 3 * minute]) {
      expect(await tell(moment, downMs), `at ${moment} for ${downMs}`).toEqual([...story].sort())
    }
  }
})

test('steps that were due while it was down come at once, in their order', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.restart(hour)
  expect(world.told()).toEqual([
    '0s email firing: g1 is at 36 °C',
    '1h manager firing: g1 is at 36 °C',
    '1h sms firing: g1 is at 36 °C',
  ])
})

test('dies during an attempt, at any of them: one more attempt, with the same id', async () => {
  for (let dies = 0; dies < 5; dies++) {
    const world = await AlertWorld.open()
    let attempts = 0
    world.channel = () => (attempts++ === dies ? 'lost' : arrives)
    await world.send({ g1: 36 })
    for (const moment of [6 * minute, 21 * minute]) {
      await world.until(moment)
      if (attempts > dies) await world.restart()
    }
    await world.send({ g1: 20 })
    await world.restart(second)
    await world.advance(30 * minute)
    const byDelivery = Map.groupBy(world.attempts, ({ delivery }) => delivery)
    const counts = [...byDelivery.values()].map((list) => list.length)
    expect(counts.length).toBe(6)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(7)
  }
})

test('a policy that was edited holds from the next opening on', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.restart(0, { policy: { steps: [{ afterMs: 0, notify: ['manager'] }] } })
  await world.until(6 * minute)
  await world.send({ g1: 20 })
  world.told()
  await world.advance(minute)
  await world.send({ g1: 36 })
  await world.advance(hour)
  expect(world.told()).toEqual(['7m manager firing: g1 is at 36 °C'])
})

test('a rule that was removed resolves its alerts, and who was told hears of it', async () => {
  const world = await AlertWorld.open()
  await world.send({ g1: 36 })
  await world.restart(minute, { rules: [{ ...hot, id: 'other' }] })
  expect(world.told()).toEqual(['0s email firing: g1 is at 36 °C', '1m email resolved: g1 is at 36 °C'])
  expect(await world.alert('g1')).toMatchObject({ state: 'resolved', because: 'rule_removed' })
})
