/**
 * What clocks on the wall showed, from the changes of offset written down by hand: an oracle for zones and
 * calendars that shares nothing with the platform's zone data.
 */

/** Offsets from UTC in minutes, each from a moment on, oldest first. */
export const wallClocks = {
  'Europe/Berlin': [
    ['2025-10-26T01:00Z', 60],
    ['2026-03-29T01:00Z', 120],
    ['2026-10-25T01:00Z', 60],
    ['2027-03-28T01:00Z', 120],
  ],
  'America/New_York': [
    ['2025-11-02T06:00Z', -300],
    ['2026-03-08T07:00Z', -240],
    ['2026-11-01T06:00Z', -300],
    ['2027-03-14T07:00Z', -240],
  ],
  // Half an hour of daylight saving.
  'Australia/Lord_Howe': [
    ['2025-10-04T15:30Z', 660],
    ['2026-04-04T15:00Z', 630],
    ['2026-10-03T15:30Z', 660],
    ['2027-04-03T15:00Z', 630],
  ],
  'Asia/Kathmandu': [['2025-01-01T00:00Z', 345]],
  UTC: [['2025-01-01T00:00Z', 0]],
} as const satisfies Readonly<Record<string, readonly (readonly [string, number])[]>>

export type KnownZone = keyof typeof wallClocks

export const minuteMs = 60_000

/** Minutes since 1970 as the clocks there count them. */
export function wallMinute(zone: KnownZone, atMs: number): number {
  let offset = 0
  for (const [from, minutes] of wallClocks[zone]) if (Date.parse(from) <= atMs) offset = minutes
  return Math.floor(atMs / minuteMs) + offset
}

/** The first moment at which clocks there show that wall minute or a later one. */
export function firstMoment(zone: KnownZone, wanted: number): number {
  const list: readonly (readonly [string, number])[] = wallClocks[zone]
  for (const [index, [from, offset]] of list.entries()) {
    const next = list[index + 1]
    const atMs = Math.max(Date.parse(from), (wanted - offset) * minuteMs)
    if (next === undefined || atMs < Date.parse(next[0])) return atMs
  }
  throw new Error(`${zone} has no clocks`)
}
