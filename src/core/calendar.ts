/** A calendar: the hours of the week in which something holds, in a time zone, right across daylight saving. */
import type { Zone } from './zone.ts'

export interface CalendarDefinition {
  /** ISO weekdays, 1 Monday to 7 Sunday. */
  readonly days: readonly number[]
  /** Minutes since midnight. `to` at or before `from` reaches into the next day; equal means the whole day. */
  readonly fromMinute: number
  readonly toMinute: number
  readonly zone: string
}

export interface Calendar {
  contains(wallMs: number): boolean
  /** The next moment after `wallMs` at which `contains` changes its answer; null when it never does. */
  nextBoundary(wallMs: number): number | null
}

const dayMs = 86_400_000
/** Long enough to meet every weekday again, with a day to spare on both sides. */
const horizonDays = 16

export function makeCalendar(definition: CalendarDefinition, zone: Zone): Calendar {
  const days = new Set(definition.days)
  const overMidnight = definition.toMinute <= definition.fromMinute

  /** The spans that begin on local days around the given moment, merged where they touch, in order. */
  const spansAround = (wallMs: number): { start: number; end: number }[] => {
    const spans: { start: number; end: number }[] = []
    for (let offset = -2; offset <= horizonDays; offset++) {
      // Noon is on the same local day whatever daylight saving does.
      const today = zone.localTime(wallMs)
      const noon = Date.UTC(today.year, today.month - 1, today.day + offset, 12)
      const date = new Date(noon)
      const weekday = date.getUTCDay() === 0 ? 7 : date.getUTCDay()
      if (!days.has(weekday)) continue
      const at = (dayOffset: number, minute: number): number => {
        const local = new Date(noon + dayOffset * dayMs)
        return zone.moment({
          year: local.getUTCFullYear(),
          month: local.getUTCMonth() + 1,
          day: local.getUTCDate(),
          hour: Math.floor(minute / 60),
          minute: minute % 60,
        })
      }
      const start = at(0, definition.fromMinute)
      const end = at(overMidnight ? 1 : 0, definition.toMinute)
      // All of it falls into the hour that daylight saving skips.
      if (start >= end) continue
      const last = spans.at(-1)
      if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end)
      else spans.push({ start, end })
    }
    return spans
  }

  let cached: { start: number; end: number }[] = []
  let cachedDay = Number.NaN
  const spans = (wallMs: number) => {
    const day = Math.floor(wallMs / dayMs)
    if (day !== cachedDay) {
      cached = spansAround(day * dayMs)
      cachedDay = day
    }
    return cached
  }

  return {
    contains: (wallMs) => spans(wallMs).some((span) => span.start <= wallMs && wallMs < span.end),
    nextBoundary(wallMs) {
      // The last span of the horizon may go on beyond it; its end is not a boundary then.
      for (const span of spans(wallMs).slice(0, -1)) {
        if (span.start > wallMs) return span.start
        if (span.end > wallMs) return span.end
      }
      return null
    },
  }
}
