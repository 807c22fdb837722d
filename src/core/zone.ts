/** Local time in an IANA zone, from the platform's zone data; never the process's own zone. */

export interface LocalTime {
  readonly hour: number
  readonly minute: number
  /** 1 is Monday, 7 is Sunday (ISO 8601). */
  readonly weekday: number
  readonly day: number
  readonly month: number
  readonly year: number
}

export interface Zone {
  readonly name: string
  localTime(atMs: number): LocalTime
  /**
   * The moment at which clocks there show the given local time. A time that daylight saving skips is the moment
   * of the gap's end; one that happens twice is the first.
   */
  moment(local: { year: number; month: number; day: number; hour: number; minute: number }): number
}

const weekdays = ['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun']
const hourMs = 3_600_000
const dayMs = 86_400_000

/** Null when the platform knows no such zone. */
export function findZone(name: string): Zone | null {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      weekday: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
    })
  } catch {
    return null
  }
  // Zone offsets change on whole minutes only, so one minute's answer serves all its milliseconds.
  let cachedMinute = Number.NaN
  let cached: LocalTime | null = null
  const localTime = (atMs: number): LocalTime => {
    const minute = Math.floor(atMs / 60_000)
    if (cached !== null && minute === cachedMinute) return cached
    const parts = new Map(format.formatToParts(minute * 60_000).map((part) => [part.type, part.value]))
    const number = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type))
    cached = {
      hour: number('hour'),
      minute: number('minute'),
      weekday: weekdays.indexOf(parts.get('weekday') ?? '') + 1,
      day: number('day'),
      month: number('month'),
      year: number('year'),
    }
    cachedMinute = minute
    return cached
  }
  const asUtc = (local: { year: number; month: number; day: number; hour: number; minute: number }): number =>
    Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute)
  const offsetMs = (atMs: number): number => asUtc(localTime(atMs)) - Math.floor(atMs / 60_000) * 60_000

  const moment: Zone['moment'] = (local) => {
    const wanted = asUtc(local)
    // The offsets in force a day before and a day after are the only ones this local time can have.
    const before = offsetMs(wanted - dayMs)
    const after = offsetMs(wanted + dayMs)
    const candidates = [wanted - before, wanted - after].filter((at) => asUtc(localTime(at)) === wanted)
    if (candidates.length > 0) return Math.min(...candidates)
    // Skipped: clocks jump over it. Seek the jump between the two readings by bisection, to the minute.
    let low = wanted - Math.max(before, after) - hourMs
    let high = wanted - Math.min(before, after) + hourMs
    while (high - low > 60_000) {
      const middle = Math.floor((low + high) / 2 / 60_000) * 60_000
      if (asUtc(localTime(middle)) < wanted) low = middle
      else high = middle
    }
    return high
  }
  return { name, localTime, moment }
}
