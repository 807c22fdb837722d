import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type CalendarDefinition, makeCalendar } from '../../src/core/calendar.ts'
import { findZone } from '../../src/core/zone.ts'
import { firstMoment, type KnownZone, minuteMs, wallClocks, wallMinute } from '../support/wall-clocks.ts'

const dayMinutes = 1_440

function calendar(definition: CalendarDefinition) {
  const zone = findZone(definition.zone)
  if (zone === null) throw new Error(`no zone ${definition.zone}`)
  return makeCalendar(definition, zone)
}

/** The spans that begin on the local days around a moment, each sought minute by minute. */
function oracle(definition: CalendarDefinition & { zone: KnownZone }, atMs: number, days: number) {
  const { zone, fromMinute, toMinute } = definition
  const today = Math.floor(wallMinute(zone, atMs) / dayMinutes)
  const spans: [number, number][] = []
  for (let day = today - 2; day <= today + days + 2; day++) {
    const weekday = new Date(day * 86_400_000).getUTCDay()
    if (!definition.days.includes(weekday === 0 ? 7 : weekday)) continue
    const endDay = toMinute <= fromMinute ? day + 1 : day
    spans.push([
      firstMoment(zone, day * dayMinutes + fromMinute),
      firstMoment(zone, endDay * dayMinutes + toMinute),
    ])
  }
  const contains = (ms: number) => spans.some(([start, end]) => start <= ms && ms < end)
  const edges = spans.flat().sort((a, b) => a - b)
  // Beyond a week there is nothing new; the last edges only end what was looked at.
  const until = atMs + days * 86_400_000
  const boundary = edges.find((edge) => edge > atMs && edge < until && contains(edge) !== contains(edge - 1))
  return { contains: contains(atMs), boundary: boundary ?? null }
}

const minutes = fc.oneof(
  fc.integer({ min: 0, max: dayMinutes - 1 }),
  // Where clocks change.
  fc.integer({ min: 50, max: 190 }),
  fc.constantFrom(0, 120, 150, 180),
)
const definitions = fc.record({
  days: fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
  fromMinute: minutes,
  toMinute: minutes,
  zone: fc.constantFrom<KnownZone>(
    'Europe/Berlin',
    'America/New_York',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'UTC',
  ),
})
const changes = Object.values(wallClocks).flatMap((list) => list.slice(1, 3).map(([at]) => Date.parse(at)))
const moments = fc.oneof(
  fc
    .date({ min: new Date('2026-01-01T00:00Z'), max: new Date('2026-12-31T00:00Z'), noInvalidDate: true })
    .map((date) => date.getTime()),
  fc
    .tuple(fc.constantFrom(...changes), fc.integer({ min: -2 * dayMinutes, max: 2 * dayMinutes }))
    .map(([at, by]) => at + by * minuteMs),
)

describe('a calendar', () => {
  it('knows what is inside, across daylight saving', () => {
    fc.assert(
      fc.property(definitions, moments, (definition, atMs) => {
        expect(calendar(definition).contains(atMs)).toBe(oracle(definition, atMs, 1).contains)
      }),
      { numRuns: 1_000 },
    )
  })

  it('knows its next boundary, across daylight saving', () => {
    fc.assert(
      fc.property(definitions, moments, (definition, atMs) => {
        expect(calendar(definition).nextBoundary(atMs)).toBe(oracle(definition, atMs, 10).boundary)
      }),
      { numRuns: 500 },
    )
  })

  it('answers the same whatever was asked before', () => {
    fc.assert(
      fc.property(definitions, fc.array(moments, { maxLength: 4 }), moments, (definition, others, atMs) => {
        const asked = calendar(definition)
        for (const other of others) asked.nextBoundary(other)
        expect(asked.contains(atMs)).toBe(calendar(definition).contains(atMs))
        expect(asked.nextBoundary(atMs)).toBe(calendar(definition).nextBoundary(atMs))
      }),
    )
  })

  const week = [1, 2, 3, 4, 5, 6, 7]
  it('that is always open has no boundary', () => {
    const always = calendar({ days: week, fromMinute: 0, toMinute: 0, zone: 'Europe/Berlin' })
    expect(always.contains(Date.UTC(2026, 5, 1))).toBe(true)
    expect(always.nextBoundary(Date.UTC(2026, 5, 1))).toBeNull()
  })

  it('without a day is never open', () => {
    const never = calendar({ days: [], fromMinute: 0, toMinute: 0, zone: 'UTC' })
    expect(never.contains(0)).toBe(false)
    expect(never.nextBoundary(0)).toBeNull()
  })

  it('of one weekday opens once a week', () => {
    const sunday = calendar({ days: [7], fromMinute: 600, toMinute: 660, zone: 'Europe/Berlin' })
    const opens: string[] = []
    let atMs = Date.parse('2026-03-16T00:00Z')
    for (let count = 0; count < 6; count++) {
      atMs = sunday.nextBoundary(atMs) ?? 0
      opens.push(new Date(atMs).toISOString().slice(0, 16))
    }
    expect(opens).toEqual([
      '2026-03-22T09:00',
      '2026-03-22T10:00',
      '2026-03-29T08:00',
      '2026-03-29T09:00',
      '2026-04-05T08:00',
      '2026-04-05T09:00',
    ])
  })

  it('that goes over midnight belongs to the day on which it begins', () => {
    const friday = calendar({ days: [5], fromMinute: 22 * 60, toMinute: 6 * 60, zone: 'UTC' })
    expect(friday.contains(Date.parse('2026-03-06T05:00Z'))).toBe(false)
    expect(friday.contains(Date.parse('2026-03-06T22:00Z'))).toBe(true)
    expect(friday.contains(Date.parse('2026-03-07T05:59:59.999Z'))).toBe(true)
    expect(friday.contains(Date.parse('2026-03-07T06:00Z'))).toBe(false)
  })
})
