/** One entry of `calendars:`: the hours of the week in which something holds. */
import { z } from 'zod'
import type { CalendarDefinition } from '../../core/calendar.ts'
import { findZone } from '../../core/zone.ts'
import { addProblem } from '../fields.ts'

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']
const dayMinutes = 24 * 60

const dayRange = z
  .string()
  .meta({ pattern: '^(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))?$' })
  .transform((text, context): number[] => {
    const [first, last = first] = text
      .trim()
      .toLowerCase()
      .split('-')
      .map((day) => dayNames.indexOf(day))
    if (first === undefined || last === undefined || first < 0 || last < 0 || text.split('-').length > 2) {
      addProblem(context, `\`${text.slice(0, 40)}\` is not a day`, {
        code: 'config-calendar',
        help: 'write mon, tue, wed, thu, fri, sat, sun, or a range such as mon-fri',
      })
      return z.NEVER
    }
    // `fri-mon` goes over the weekend.
    const count = ((last - first + 7) % 7) + 1
    return Array.from({ length: count }, (_, step) => ((first + step) % 7) + 1)
  })

function timeOfDay(description: string) {
  return z
    .unknown()
    .meta({ type: 'string', pattern: '^([01]?\\d|2[0-4]):[0-5]\\d$', examples: ['22:00'], description })
    .transform((value, context): number => {
      const match = typeof value === 'string' ? /^(\d{1,2}):([0-5]\d)$/.exec(value.trim()) : null
      const minute = match === null ? Number.NaN : Number(match[1]) * 60 + Number(match[2])
      if (minute <= dayMinutes) return minute % dayMinutes
      if (value === null) addProblem(context, 'expected:time', { code: 'config-type' })
      else {
        addProblem(context, `\`${String(value).slice(0, 40)}\` is not a time of day`, {
          code: 'config-calendar',
          help: 'write hours and minutes in quotes: "22:00"',
        })
      }
      return z.NEVER
    })
}

export const zoneField = z
  .string()
  .describe('Time zone, such as Europe/Berlin.')
  .superRefine((text, context) => {
    if (findZone(text) !== null) return
    addProblem(context, `there is no time zone \`${text.slice(0, 60)}\``, {
      code: 'config-zone',
      help: 'write a name such as Europe/Berlin, America/New_York or UTC',
    })
  })

export const calendarSchema = z
  .strictObject({
    days: z
      .array(dayRange)
      .min(1)
      .optional()
      .describe('Days on which it begins, such as [mon-fri]; every day unless given.'),
    from: timeOfDay('When it begins, such as "22:00".').optional(),
    to: timeOfDay('When it ends; earlier than `from` reaches into the next day.').optional(),
    zone: zoneField.optional(),
  })
  .transform((calendar): Omit<CalendarDefinition, 'zone'> & { readonly zone: string | null } => ({
    days:
      calendar.days === undefined
        ? [1, 2, 3, 4, 5, 6, 7]
        : [...new Set(calendar.days.flat())].sort((a, b) => a - b),
    fromMinute: calendar.from ?? 0,
    toMinute: calendar.to ?? 0,
    zone: calendar.zone ?? null,
  }))
