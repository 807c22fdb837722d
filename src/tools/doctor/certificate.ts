/** How long certificates still hold, in findings. */
import type { Finding } from './finding.ts'

const dayMs = 86_400_000
/** So long before its end it is time to renew a certificate. */
const warnDays = 14

/** Null while a certificate holds for long enough. `validTo`: as certificates say it, or any date text. */
export function expiryFinding(check: string, whose: string, validTo: string, nowMs: number): Finding | null {
  const untilMs = Date.parse(validTo)
  if (Number.isNaN(untilMs)) return null
  const day = new Date(untilMs).toISOString().slice(0, 10)
  if (untilMs <= nowMs) {
    return {
      check,
      state: 'fail',
      what: `The certificate of ${whose} expired on ${day}.`,
      next: `Renew it, or check the clock here: it says ${new Date(nowMs).toISOString().slice(0, 10)}.`,
    }
  }
  const days = Math.floor((untilMs - nowMs) / dayMs)
  if (days >= warnDays) return null
  return {
    check,
    state: 'warn',
    what: `The certificate of ${whose} expires in ${days === 0 ? 'less than a day' : days === 1 ? '1 day' : `${days} days`}, on ${day}.`,
    next: 'Renew it before: from that moment on nothing connects any more.',
  }
}
