/**
 * How many messages may cost how much: exact sliding windows per number and for all, a reserve for critical ones,
 * and a count of what was held back. Pure data and functions; keeps no more than one day's messages.
 */
import type { Severity } from '../rules/definition.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Beyond so many numbers what was held back is counted for all of them together. */
const maxSuppressedNumbers = 200
/** Money is counted in millionths, so that sums are exact. */
const millionths = 1_000_000

/** null: no cap. */
export interface Caps {
  readonly numberHour: number | null
  readonly numberDay: number | null
  readonly allHour: number | null
  readonly allDay: number | null
  /** In the currency of the price. */
  readonly moneyDay: number | null
  /** The part of each cap that only critical messages may use: 0 to 0.9. */
  readonly reserve: number
}

/** One message that was let through. There are at most as many as the cap of a day has units. */
interface Admitted {
  readonly atMs: number
  readonly number: string
  readonly units: number
  readonly cost: number
}

export interface SuppressedCount {
  readonly count: number
  readonly bySeverity: Readonly<Record<Severity, number>>
  readonly firstMs: number
  readonly lastMs: number
}

export interface CapsState {
  /** Oldest first. */
  readonly admitted: readonly Admitted[]
  readonly suppressed: {
    readonly total: number
    readonly numbers: Readonly<Record<string, SuppressedCount>>
    /** Of numbers beyond those that are counted apart. */
    readonly others: SuppressedCount | null
  }
}

export interface CapsRequest {
  readonly number: string
  /** Segments, at least one. */
  readonly units: number
  /** Of one segment; null when it is not known. */
  readonly price: number | null
  readonly severity: Severity
  /** On any clock, as long as it is the same one. */
  readonly nowMs: number
}

export type CapReason = 'number-hour' | 'number-day' | 'all-hour' | 'all-day' | 'money-day'

export type Admission =
  | { readonly ok: true; readonly state: CapsState }
  | {
      readonly ok: false
      readonly reason: CapReason
      /** When it would be let through if nothing else is sent meanwhile; null: never, it is larger than the cap. */
      readonly untilMs: number | null
      readonly state: CapsState
    }

export const noCapsState: CapsState = {
  admitted: [],
  suppressed: { total: 0, numbers: {}, others: null },
}

interface Window {
  readonly reason: CapReason
  readonly spanMs: number
  readonly limit: number
  counts(message: Admitted): number
}

/** The new state counts the message, either as sent or as held back. */
export function admit(caps: Caps, state: CapsState, request: CapsRequest): Admission {
  const { nowMs } = request
  const units = Math.max(1, request.units)
  const cost = Math.round((request.price ?? 0) * millionths) * units
  const message: Admitted = { atMs: nowMs, number: request.number, units, cost }
  const windows = windowsOf(caps, request)
  let reason: CapReason | null = null
  let untilMs: number | null = nowMs
  for (const window of windows) {
    const free = freeAtMs(window, state.admitted, message)
    if (free === nowMs) continue
    if (reason === null || untilMs !== null) {
      if (free === null || free > (untilMs ?? 0)) [reason, untilMs] = [window.reason, free]
    }
  }
  if (reason === null)
    return { ok: true, state: { ...state, admitted: [...recent(state.admitted, nowMs), message] } }
  return { ok: false, reason, untilMs, state: { ...state, suppressed: suppress(state.suppressed, request) } }
}

/** What was held back from a number since the last time, and a state that counts it anew: for the digest. */
export function takeSuppressed(
  state: CapsState,
  number: string,
): { readonly taken: SuppressedCount | null; readonly state: CapsState } {
  const { [number]: taken, ...numbers } = state.suppressed.numbers
  if (taken === undefined) return { taken: null, state }
  const total = state.suppressed.total - taken.count
  return { taken, state: { ...state, suppressed: { ...state.suppressed, total, numbers } } }
}

function windowsOf(caps: Caps, { number, severity }: CapsRequest): Window[] {
  const share = severity === 'critical' ? 0 : caps.reserve
  const toNumber = (message: Admitted) => (message.number === number ? message.units : 0)
  const units = (message: Admitted) => message.units
  const cost = (message: Admitted) => message.cost
  const money = caps.moneyDay === null ? null : Math.round(caps.moneyDay * millionths)
  const all: readonly (readonly [CapReason, number, number | null, Window['counts']])[] = [
    ['number-hour', hourMs, caps.numberHour, toNumber],
    ['number-day', dayMs, caps.numberDay, toNumber],
    ['all-hour', hourMs, caps.allHour, units],
    ['all-day', dayMs, caps.allDay, units],
    ['money-day', dayMs, money, cost],
  ]
  return all.flatMap(([reason, spanMs, limit, counts]) =>
    limit === null ? [] : [{ reason, spanMs, limit: limit - Math.ceil(limit * share), counts }],
  )
}

/** When the message fits into the window: its own time when it does now; null when it never will. */
function freeAtMs(window: Window, admitted: readonly Admitted[], message: Admitted): number | null {
  const size = window.counts(message)
  if (size > window.limit) return null
  let used = 0
  for (let at = admitted.length - 1; at >= 0; at -= 1) {
    const before = admitted[at]
    if (before === undefined || leavesMs(before, window.spanMs, message.atMs) <= message.atMs) break
    used += window.counts(before)
    // The newest that do not fit beside it must leave first.
    if (used + size > window.limit) return leavesMs(before, window.spanMs, message.atMs)
  }
  return message.atMs
}

/** A message from the future, after the clock was set back, counts as of now: else it would count too long. */
function leavesMs({ atMs }: Admitted, spanMs: number, nowMs: number): number {
  return Math.min(atMs, nowMs) + spanMs
}

function recent(admitted: readonly Admitted[], nowMs: number): Admitted[] {
  const kept: Admitted[] = []
  for (const message of admitted) {
    if (message.atMs > nowMs) kept.push({ ...message, atMs: nowMs })
    else if (message.atMs + dayMs > nowMs) kept.push(message)
  }
  return kept
}

function suppress(suppressed: CapsState['suppressed'], request: CapsRequest): CapsState['suppressed'] {
  const { total, numbers, others } = suppressed
  const before = Object.hasOwn(numbers, request.number) ? numbers[request.number] : undefined
  if (before === undefined && Object.keys(numbers).length >= maxSuppressedNumbers) {
    return { total: total + 1, numbers, others: counted(others ?? undefined, request) }
  }
  return { total: total + 1, numbers: { ...numbers, [request.number]: counted(before, request) }, others }
}

function counted(before: SuppressedCount | undefined, { severity, nowMs }: CapsRequest): SuppressedCount {
  const bySeverity = before?.bySeverity ?? { info: 0, warning: 0, critical: 0 }
  return {
    count: (before?.count ?? 0) + 1,
    bySeverity: { ...bySeverity, [severity]: bySeverity[severity] + 1 },
    firstMs: before?.firstMs ?? nowMs,
    lastMs: nowMs,
  }
}
