/** Says what is wrong with a text that is not a duration, and what was probably meant. */
import { formatDuration } from './duration.ts'

const unitMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const
type Unit = keyof typeof unitMs

/** Longer than any alert should wait, and far from where sums of milliseconds lose exactness. */
export const maxDurationMs = 3_650 * unitMs.d

const forms = 'write a duration such as 250ms, 90s, 5m, 1h30m or 2d'

const wordUnits: Readonly<Record<string, Unit>> = {
  millisecond: 'ms',
  milliseconds: 'ms',
  msec: 'ms',
  s: 's',
  sec: 's',
  secs: 's',
  second: 's',
  seconds: 's',
  m: 'm',
  min: 'm',
  mins: 'm',
  minute: 'm',
  minutes: 'm',
  h: 'h',
  hr: 'h',
  hrs: 'h',
  hour: 'h',
  hours: 'h',
  d: 'd',
  day: 'd',
  days: 'd',
  ms: 'ms',
}

export function explainDuration(text: string): { message: string; help: string } {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text
  const message = `\`${shown}\` is not a duration`
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text.trim())
  if (clock !== null) {
    const [first, second, third] = [Number(clock[1]), Number(clock[2]), clock[3]]
    if (third !== undefined) {
      const full = formatDuration(first * unitMs.h + second * unitMs.m + Number(third) * unitMs.s)
      return { message, help: `write ${full}` }
    }
    const asMinutes = formatDuration(first * unitMs.m + second * unitMs.s)
    const asHours = formatDuration(first * unitMs.h + second * unitMs.m)
    if (asMinutes === '0s') return { message, help: forms }
    return {
      message: `\`${shown}\` could mean two durations: ${asMinutes} or ${asHours}`,
      help: `write ${asMinutes} (minutes and seconds) or ${asHours} (hours and minutes)`,
    }
  }
  const number = /^(\d+)$/.exec(text)
  if (number !== null)
    return { message: `\`${shown}\` lacks a unit`, help: `did you mean ${text}s? Units are ms, s, m, h, d` }
  const words = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)\.?$/.exec(text.trim())
  const unit = words === null ? undefined : wordUnits[words[2]?.toLowerCase() ?? '']
  if (words !== null && unit !== undefined) {
    const ms = Number(words[1]) * unitMs[unit]
    if (Number.isFinite(ms) && ms <= maxDurationMs && ms >= 1)
      return { message, help: `write ${formatDuration(ms)}` }
  }
  if (words !== null && /^w(eeks?)?$/i.test(words[2] ?? '')) {
    return { message, help: `weeks are written as days: ${Math.round(Number(words[1]) * 7)}d` }
  }
  if (text.startsWith('-')) return { message, help: `a duration cannot be negative; ${forms}` }
  return { message, help: forms }
}
