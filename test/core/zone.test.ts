import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findZone } from '../../src/core/zone.ts'
import { firstMoment, type KnownZone, minuteMs, wallClocks, wallMinute } from '../support/wall-clocks.ts'

const zones = Object.keys(wallClocks) as KnownZone[]
const anyMoment = fc.date({
  min: new Date('2025-12-01T00:00Z'),
  max: new Date('2027-01-31T00:00Z'),
  noInvalidDate: true,
})

function zoneOf(name: string) {
  const zone = findZone(name)
  if (zone === null) throw new Error(`no zone ${name}`)
  return zone
}

function fields(minute: number) {
  const date = new Date(minute * minuteMs)
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
  }
}

describe('a zone', () => {
  it('is not found under a name that nobody knows', () => {
    expect(findZone('Europe/Atlantis')).toBeNull()
    expect(findZone('')).toBeNull()
  })

  it.each(zones)('%s shows the time of its clocks', (name) => {
    const zone = zoneOf(name)
    fc.assert(
      fc.property(anyMoment, (date) => {
        const wall = wallMinute(name, date.getTime())
        const weekday = new Date(wall * minuteMs).getUTCDay()
        expect(zone.localTime(date.getTime())).toEqual({
          ...fields(wall),
          weekday: weekday === 0 ? 7 : weekday,
        })
      }),
    )
  })

  it.each(zones)('%s finds the moment of a local time', (name) => {
    const zone = zoneOf(name)
    fc.assert(
      fc.property(anyMoment, (date) => {
        const wanted = Math.floor(date.getTime() / minuteMs)
        expect(zone.moment(fields(wanted))).toBe(firstMoment(name, wanted))
      }),
    )
  })

  it.each(zones)('%s finds every local minute around its changes', (name) => {
    const zone = zoneOf(name)
    for (const [change] of wallClocks[name].slice(1, 3)) {
      const middle = wallMinute(name, Date.parse(change))
      for (let wanted = middle - 130; wanted <= middle + 130; wanted++) {
        expect([wanted, zone.moment(fields(wanted))]).toEqual([wanted, firstMoment(name, wanted)])
      }
    }
  })

  it('a day that a zone left out begins when the next one does', () => {
    // Samoa went from the 29th to the 31st of December 2011.
    const moment = zoneOf('Pacific/Apia').moment({ year: 2011, month: 12, day: 30, hour: 12, minute: 0 })
    expect(new Date(moment).toISOString()).toBe('2011-12-30T10:00:00.000Z')
  })
})
