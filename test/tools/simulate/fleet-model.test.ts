import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  createFleet,
  type FleetEvent,
  type FleetMessage,
  type FleetPlan,
} from '../../../src/tools/simulate/fleet-model.ts'
import { scenarios } from '../../../src/tools/simulate/scenario.ts'

const startMs = Date.parse('2026-03-01T09:00:00Z')
const demo: FleetPlan = { devices: 6, ratePerSecond: 6, scenario: 'mixed', seed: 1, startMs }

/** What happens in the first `seconds`. */
function story(plan: Partial<FleetPlan>, seconds: number): FleetEvent[] {
  const model = createFleet({ ...demo, ...plan })
  const events: FleetEvent[] = []
  for (;;) {
    const event = model.next()
    if (event.atMs >= startMs + seconds * 1_000) return events
    events.push(event)
  }
}

function messages(events: readonly FleetEvent[]): FleetMessage[] {
  return events.filter((event) => event.kind === 'message')
}

const secondOf = ({ atMs }: FleetEvent) => (atMs - startMs) / 1_000
const of = (part: string) => (message: FleetMessage) => message.topic.endsWith(`/${part}`)

describe('the stream', () => {
  test('is the same for the same plan, and another for another seed', () => {
    expect(story({}, 60)).toEqual(story({}, 60))
    expect(story({ seed: 2 }, 60)).not.toEqual(story({}, 60))
  })

  test('goes on in order of time at the wanted rate, whatever the plan', () => {
    fc.assert(
      fc.property(
        fc.record({
          devices: fc.integer({ min: 1, max: 300 }),
          ratePerSecond: fc.double({ min: 0.1, max: 500, noNaN: true }),
          scenario: fc.constantFrom(...scenarios),
          seed: fc.integer(),
        }),
        (plan) => {
          const events = story(plan, 20)
          const early = events.filter(({ atMs }, index) => atMs < (events[index - 1]?.atMs ?? startMs))
          expect(early).toEqual([])
          const sent = messages(events)
          expect(sent.length).toBeLessThanOrEqual(Math.ceil(plan.ratePerSecond * 20))
          if (plan.scenario === 'steady')
            expect(sent.length).toBeGreaterThanOrEqual(Math.floor(plan.ratePerSecond * 20))
          const strange = sent.filter(
            ({ topic, device, qos, retain }) =>
              !/^sensors\/sensor_rpi\d{3,}\/(temperature|humidity|data|motion)$/.test(topic) ||
              topic.split('/')[1] !== device ||
              qos !== 1 ||
              retain,
          )
          expect(strange).toEqual([])
        },
      ),
      { numRuns: 60 },
    )
  })

  test('can be entered anywhere by skipping', () => {
    const model = createFleet(demo)
    const atMs = startMs + 40_000
    expect(model.skipTo(atMs)).toBe(240)
    const later = story({}, 61).filter((event) => event.atMs >= atMs)
    expect(later.some(({ kind }) => kind === 'return')).toBe(true)
    expect(later.map(() => model.next())).toEqual(later)
  })

  test('refuses plans beyond its limits', () => {
    expect(() => createFleet({ ...demo, devices: 0 })).toThrow(RangeError)
    expect(() => createFleet({ ...demo, devices: 10_001 })).toThrow(RangeError)
    expect(() => createFleet({ ...demo, ratePerSecond: 0 })).toThrow(RangeError)
    expect(() => createFleet({ ...demo, ratePerSecond: Number.NaN })).toThrow(RangeError)
  })
})

describe('a steady fleet', () => {
  test('measures within the ranges of the lesson through day and night', () => {
    const sent = messages(story({ scenario: 'steady', devices: 20, ratePerSecond: 0.1 }, 3 * 86_400))
    expect(sent.length).toBe(25_920)
    let coldest = Infinity
    let warmest = -Infinity
    for (const { payload } of sent.filter(of('data'))) {
      const { temperature, humidity, pressure } = JSON.parse(payload)
      expect(temperature >= 20 && temperature <= 30, payload).toBe(true)
      expect(humidity >= 40 && humidity <= 70, payload).toBe(true)
      expect(pressure >= 1000 && pressure <= 1020, payload).toBe(true)
      coldest = Math.min(coldest, temperature)
      warmest = Math.max(warmest, temperature)
    }
    expect(warmest - coldest).toBeGreaterThan(4)
  })

  test('says the same in its three messages, and drifts rather than jumps', () => {
    const sent = messages(story({ scenario: 'steady', devices: 1, ratePerSecond: 3 }, 60))
    let last: number | null = null
    for (let index = 0; index < sent.length; index += 3) {
      const [temperature, humidity, data] = sent.slice(index, index + 3)
      const reading = JSON.parse(data!.payload)
      expect(Object.keys(reading)).toEqual(['timestamp', 'temperature', 'humidity', 'pressure'])
      expect(Date.parse(reading.timestamp)).toBe(data!.atMs)
      expect(String(reading.temperature)).toBe(temperature!.payload)
      expect(String(reading.humidity)).toBe(humidity!.payload)
      if (last !== null) expect(Math.abs(reading.temperature - last)).toBeLessThan(0.5)
      last = reading.temperature
    }
  })
})

describe('the mixed story', () => {
  test.each([
    [1, 1],
    [4, 2],
    [5, 5],
    [6, 6],
    [100, 10],
    [200, 100],
  ])('%i devices at %i/s: one passes 35 °C within 5 to 10 seconds', (devices, ratePerSecond) => {
    const sent = messages(story({ devices, ratePerSecond }, 15)).filter(of('temperature'))
    const hot = sent.find(({ payload }) => Number(payload) > 35)
    expect(secondOf(hot!)).toBeGreaterThanOrEqual(4)
    expect(secondOf(hot!)).toBeLessThanOrEqual(10)
  })

  test('has a hot device that cools down after more than two minutes', () => {
    const temperatures = messages(story({}, 300)).filter(of('temperature'))
    const hot = temperatures.filter(({ payload }) => Number(payload) > 35)
    expect(new Set(hot.map(({ device }) => device)).size).toBe(1)
    expect(secondOf(hot.at(-1)!) - secondOf(hot[0]!)).toBeGreaterThan(130)
    expect(secondOf(hot.at(-1)!)).toBeLessThan(180)
  })

  test('has a device that drops off and comes back, and says nothing in between', () => {
    const events = story({}, 90)
    const [drop, back] = events.filter(({ kind }) => kind === 'drop' || kind === 'return')
    expect(drop).toMatchObject({ kind: 'drop', atMs: startMs + 30_000 })
    expect(back).toMatchObject({ kind: 'return', atMs: startMs + 60_000 })
    const sent = messages(events).filter((message) => message.device === (drop as FleetMessage).device)
    expect(sent.some((message) => secondOf(message) > 30 && secondOf(message) < 60)).toBe(false)
    expect(sent.some((message) => secondOf(message) >= 60)).toBe(true)
  })

  test('has a device that falls silent for two minutes', () => {
    const sent = messages(story({}, 300))
    const quiet = createFleet(demo).devices.filter(
      (device) =>
        !sent.some(
          (message) => message.device === device && secondOf(message) > 20 && secondOf(message) < 140,
        ),
    )
    expect(quiet).toHaveLength(1)
    expect(createFleet(demo).silent(quiet[0]!, startMs + 60_000)).toBe(true)
    expect(sent.some(({ device, atMs }) => device === quiet[0] && atMs > startMs + 140_000)).toBe(true)
  })

  test('has a device that now and then sends garbage', () => {
    const sent = messages(story({}, 60))
    const broken = sent.filter(of('data')).filter(({ payload }) => !isJson(payload))
    const nan = sent.filter(({ payload }) => payload === 'NaN')
    expect(new Set([...broken, ...nan].map(({ device }) => device)).size).toBe(1)
    expect(broken.length).toBeGreaterThan(1)
    expect(nan.length).toBe(broken.length)
    expect(sent.filter(({ device }) => device === nan[0]?.device).length).toBeGreaterThan(nan.length * 4)
  })
})

describe('other scenarios', () => {
  test('overheating: a tenth of the devices, one after the other', () => {
    const sent = messages(story({ scenario: 'overheating', devices: 30, ratePerSecond: 90 }, 40))
    const hot = sent.filter(of('temperature')).filter(({ payload }) => Number(payload) > 35)
    const firsts = [...Map.groupBy(hot, ({ device }) => device).values()].map(([first]) => secondOf(first!))
    expect(firsts).toHaveLength(3)
    expect(Math.round(firsts[1]! - firsts[0]!)).toBe(7)
  })

  test('silent: a tenth of the devices stop to send, and go on later', () => {
    const sent = messages(story({ scenario: 'silent', devices: 10, ratePerSecond: 10 }, 400))
    const byDevice = Map.groupBy(sent, ({ device }) => device)
    const gaps = [...byDevice.values()].map((own) =>
      Math.max(...own.slice(1).map((message, index) => secondOf(message) - secondOf(own[index]!))),
    )
    expect(gaps.filter((gap) => gap > 295)).toHaveLength(1)
    expect(gaps.filter((gap) => gap < 10)).toHaveLength(9)
  })

  test('a fleet that is silent altogether still tells when to ask again', () => {
    const events = story({ scenario: 'silent', devices: 1, ratePerSecond: 100 }, 200)
    expect(events.at(-1)).toMatchObject({ kind: 'quiet' })
  })

  test('flapping: readings jump over the limit, and a connection comes and goes', () => {
    const events = story({ scenario: 'flapping', devices: 10, ratePerSecond: 30 }, 60)
    const byDevice = Map.groupBy(messages(events).filter(of('temperature')), ({ device }) => device)
    const jumping = [...byDevice.values()].filter((own) => own.some(({ payload }) => Number(payload) > 35))
    expect(jumping).toHaveLength(1)
    for (const [index, { payload }] of jumping[0]!.entries())
      expect(Number(payload)).toBe(index % 2 === 0 ? 34.4 : 35.6)
    expect(events.filter(({ kind }) => kind === 'drop')).toHaveLength(5)
  })

  test('motion: rooms are occupied for a while, then empty', () => {
    const sent = messages(story({ scenario: 'motion', devices: 5, ratePerSecond: 5 }, 600))
    expect(new Set(sent.map(({ payload }) => payload))).toEqual(new Set(['true', 'false']))
    const changes = [...Map.groupBy(sent, ({ device }) => device).values()].map(
      (own) => own.slice(1).filter(({ payload }, index) => payload !== own[index]!.payload).length,
    )
    for (const count of changes) {
      expect(count).toBeGreaterThan(2)
      expect(count).toBeLessThan(35)
    }
  })
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

test('leaves the device of the demo alone that docs/devices.md switches, and silences the one that it says', () => {
  const fleet = createFleet({ devices: 4, ratePerSecond: 4, scenario: 'mixed', seed: 1, startMs: 0 })
  for (let atMs = 0; atMs < 600_000; atMs += 1_000) {
    expect(fleet.silent('sensor_rpi002', atMs)).toBe(false)
    expect(fleet.connected('sensor_rpi002', atMs)).toBe(true)
  }
  expect([19_000, 21_000, 139_000, 141_000].map((atMs) => fleet.silent('sensor_rpi001', atMs))).toEqual([
    false,
    true,
    true,
    false,
  ])
})
