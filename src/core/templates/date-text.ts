/**
 * Dates for the `date` filter: instants are read without a clock, and written in a named zone, so that
 * neither the process's time zone nor its locale shows.
 */
import { findZone, type Zone } from '../zone.ts'

const maxZones = 64
const zones = new Map<string, Zone>()

/** The zone of an IANA name, or null when there is none. */
function zoneOf(name: string): Zone | null {
  const known = zones.get(name)
  if (known !== undefined) return known
  const found = findZone(name)
  if (found === null) return null
  // A template may take the zone from a payload: the cache forgets its oldest entry rather than grow.
  if (zones.size >= maxZones) zones.delete(zones.keys().next().value ?? '')
  zones.set(name, found)
  return found
}

export function isZone(name: string): boolean {
  return zoneOf(name) !== null
}

const minuteMs = 60_000

/** How far a zone's clocks are ahead of UTC at an instant; offsets are whole minutes. */
function offsetMs(instantMs: number, zone: Zone): number {
  if (zone.name === 'UTC') return 0
  const local = zone.localTime(instantMs)
  const shown = Date.UTC(local.year, local.month - 1, local.day, local.hour, local.minute)
  return shown - Math.floor(instantMs / minuteMs) * minuteMs
}

// Years of four digits: outside of them calendars and ISO 8601 part ways.
const minInstantMs = Date.UTC(1000, 0, 1)
const maxInstantMs = Date.UTC(9999, 11, 30)
const isoShape =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/

/**
 * An instant in ms since the epoch: a number or digits (seconds below 1e11, else milliseconds), or ISO 8601
 * (what names no offset is meant in `zone`). Undefined for everything else, `now` and `today` too.
 */
export function readInstant(value: unknown, zone: string): number | undefined {
  if (value instanceof Date) return inRange(value.getTime())
  if (typeof value === 'number') return inRange(Math.abs(value) < 1e11 ? value * 1000 : value)
  if (typeof value !== 'string') return undefined
  const text = value.trim()
  if (/^\d{1,15}(\.\d{1,9})?$/.test(text)) return readInstant(Number(text), zone)
  const match = isoShape.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', offset] = match
  const ms = Math.floor(Number(`0.${fraction}`) * 1000)
  const wall = Date.UTC(+year!, +month! - 1, +day!, +hour, +minute, +second, ms)
  const shown = new Date(wall)
  // Date.UTC rolls 31 April over to 1 May; a date that does not exist has no instant.
  if (
    shown.getUTCMonth() !== +month! - 1 ||
    shown.getUTCDate() !== +day! ||
    +hour > 23 ||
    +minute > 59 ||
    +second > 59
  ) {
    return undefined
  }
  if (offset === undefined) {
    const place = zoneOf(zone)
    if (place === null) return undefined
    const minuteOfDay = { year: +year!, month: +month!, day: +day!, hour: +hour, minute: +minute }
    return inRange(place.moment(minuteOfDay) + (wall % minuteMs))
  }
  if (offset === 'Z' || offset === 'z') return inRange(wall)
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3).replace(':', '') || '0')
  return inRange(offset.startsWith('-') ? wall + minutes * 60_000 : wall - minutes * 60_000)
}

function inRange(instantMs: number): number | undefined {
  return instantMs >= minInstantMs && instantMs <= maxInstantMs ? Math.floor(instantMs) : undefined
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']
const months = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
]

type Padding = readonly [width: number, fill: '0' | ' ']
const two: Padding = [2, '0']
const twoBlank: Padding = [2, ' ']

/** One directive: its value from the shifted date, and how it is padded. */
type Directive = (
  local: Date,
  instantMs: number,
  zone: string,
  colon: boolean,
) => readonly [string | number, Padding?]

const directives: Record<string, Directive> = {
  Y: (d) => [d.getUTCFullYear(), [4, '0']],
  y: (d) => [d.getUTCFullYear() % 100, two],
  m: (d) => [d.getUTCMonth() + 1, two],
  B: (d) => [months[d.getUTCMonth()]!],
  b: (d) => [months[d.getUTCMonth()]!.slice(0, 3)],
  h: (d) => [months[d.getUTCMonth()]!.slice(0, 3)],
  d: (d) => [d.getUTCDate(), two],
  e: (d) => [d.getUTCDate(), twoBlank],
  j: (d) => [dayOfYear(d), [3, '0']],
  A: (d) => [days[d.getUTCDay()]!],
  a: (d) => [days[d.getUTCDay()]!.slice(0, 3)],
  u: (d) => [d.getUTCDay() || 7],
  w: (d) => [d.getUTCDay()],
  V: (d) => [isoWeek(d).week, two],
  G: (d) => [isoWeek(d).year, [4, '0']],
  H: (d) => [d.getUTCHours(), two],
  k: (d) => [d.getUTCHours(), twoBlank],
  I: (d) => [d.getUTCHours() % 12 || 12, two],
  l: (d) => [d.getUTCHours() % 12 || 12, twoBlank],
  M: (d) => [d.getUTCMinutes(), two],
  S: (d) => [d.getUTCSeconds(), two],
  L: (d) => [d.getUTCMilliseconds(), [3, '0']],
  p: (d) => [d.getUTCHours() < 12 ? 'AM' : 'PM'],
  P: (d) => [d.getUTCHours() < 12 ? 'am' : 'pm'],
  s: (_, instantMs) => [Math.floor(instantMs / 1000)],
  z: (d, instantMs, _, colon) => [offsetText(Math.round((d.getTime() - instantMs) / 60_000), colon)],
  Z: (_, __, zone) => [zone],
  '%': () => ['%'],
  n: () => ['\n'],
  t: () => ['\t'],
}

const combined: Record<string, string> = {
  F: '%Y-%m-%d',
  T: '%H:%M:%S',
  R: '%H:%M',
  D: '%m/%d/%y',
  c: '%a %b %e %H:%M:%S %Y',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
  r: '%I:%M:%S %p',
}

const directiveShape = /%([-_0^:]?)([A-Za-z%])/g

/** The directives of a format that do not exist, as written. */
export function unknownDirectives(format: string): string[] {
  return [...format.matchAll(directiveShape)]
    .filter(([, , letter]) => !Object.hasOwn(directives, letter!) && !Object.hasOwn(combined, letter!))
    .map(([whole]) => whole)
}

/** Writes an instant as strftime does, in English; undefined when there is no such zone. */
export function dateText(instantMs: number, format: string, zone: string): string | undefined {
  const place = zoneOf(zone)
  if (place === null) return undefined
  const local = new Date(instantMs + offsetMs(instantMs, place))
  const write = (whole: string, flag: string, letter: string): string => {
    if (Object.hasOwn(combined, letter)) return combined[letter]!.replace(directiveShape, write)
    const directive = Object.hasOwn(directives, letter) ? directives[letter] : undefined
    if (directive === undefined) return whole
    const [value, padding] = directive(local, instantMs, zone, flag === ':')
    const text = flag === '^' ? String(value).toUpperCase() : String(value)
    if (padding === undefined || flag === '-') return text
    return text.padStart(padding[0], flag === '_' ? ' ' : flag === '0' ? '0' : padding[1])
  }
  return format.replace(directiveShape, write)
}

function offsetText(minutes: number, colon: boolean): string {
  const size = Math.abs(minutes)
  const hours = String(Math.floor(size / 60)).padStart(2, '0')
  return `${minutes < 0 ? '-' : '+'}${hours}${colon ? ':' : ''}${String(size % 60).padStart(2, '0')}`
}

const dayMs = 86_400_000

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - Date.UTC(date.getUTCFullYear(), 0, 1)) / dayMs) + 1
}

/** The ISO week belongs to the year that holds its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (4 - (date.getUTCDay() || 7)) * dayMs)
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 }
}
